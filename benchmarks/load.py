r"""Load against `psql \copy` into a staging table plus the same merge in one script: seconds as ratios, peak memory."""

import hashlib
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROWS = 2_000_000
FEW_ROWS = 20_000
REPEATS = 3
GOALS = {"ratio": 1.2, "memory_mb": 256}
COLUMNS = {
    "sales_order_id": "integer",
    "created_date": "date",
    "created_time": "time without time zone",
    "sales_staff_id": "integer",
    "counterparty_id": "integer",
    "units_sold": "integer",
    "unit_price": "numeric(10,2)",
    "currency_id": "integer",
    "agreed_delivery_date": "date",
}
ROW = """
    SELECT CAST(i AS INTEGER) AS sales_order_id, DATE '2022-11-03' + CAST(i % 1000 AS INTEGER) AS created_date,
        CAST(TIME '08:00:00.123' + to_seconds(i % 36000) AS TIME) AS created_time,
        CAST(i % 20 + 1 AS INTEGER) AS sales_staff_id, CAST(i % 20 + 1 AS INTEGER) AS counterparty_id,
        CAST(i % 99000 + {shift} AS INTEGER) AS units_sold, CAST(2 + (i % 200) / 100 AS DECIMAL(10,2)) AS unit_price,
        CAST(i % 3 + 1 AS INTEGER) AS currency_id, DATE '2022-11-10' + CAST(i % 1000 AS INTEGER) AS agreed_delivery_date
    FROM range(1, {rows} + 1) t (i)
"""
BATCHES = (  # name, rows, shift of units_sold: what makes a row differ from the version before
    ("first rows", ROWS, 1),
    ("the same, all changed", ROWS, 2),
    ("the same, all equal", ROWS, 2),
    ("a few changed", FEW_ROWS, 3),
)
NAMES = ", ".join(COLUMNS)
DIFFERS = " OR ".join(f"t.{name} IS DISTINCT FROM s.{name}" for name in COLUMNS if name != "sales_order_id")
TYPED = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
REQUIRED = ", ".join(f"{name} {kind} NOT NULL" for name, kind in COLUMNS.items())
STAGE = f"CREATE TEMP TABLE s ({TYPED}, _late boolean) ON COMMIT DROP;"
CREATE = f"""
CREATE TABLE fact_order (order_record_id bigserial NOT NULL, {REQUIRED},
    _batch bigint NOT NULL, _current boolean NOT NULL, _deleted boolean NOT NULL);
INSERT INTO fact_order ({NAMES}, _batch, _current, _deleted) SELECT {NAMES}, 1, true, false FROM s;
ALTER TABLE fact_order ADD PRIMARY KEY (order_record_id);
CREATE UNIQUE INDEX ON fact_order (sales_order_id) WHERE _current;
CREATE UNIQUE INDEX ON fact_order (sales_order_id, _batch);
"""
MERGE = f"""
ANALYZE s;
UPDATE fact_order t SET _current = false FROM s
    WHERE t._current AND t.sales_order_id = s.sales_order_id AND (t._deleted OR {DIFFERS});
INSERT INTO fact_order ({NAMES}, _batch, _current, _deleted) SELECT {NAMES}, {{batch}}, true, false FROM s
    WHERE NOT EXISTS (SELECT FROM fact_order t WHERE t._current AND t.sales_order_id = s.sales_order_id);
"""


def main() -> None:
    """Print what docs/performance.md quotes of load."""
    from local.postgres.embedded import embedded_postgres

    with embedded_postgres() as server, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _prepare(folder)
        print(f"load, {REPEATS} repeats, medians; psql: \\copy into a staging table and the same merge in one script")
        measured = [_repeat(server, folder, repeat) for repeat in range(REPEATS)]
        for place, (batch, rows, _) in enumerate(BATCHES):
            _print(f"{batch} ({rows:,})", [repeat[place] for repeat in measured])


def _print(what: str, repeats: list[dict[str, float]]) -> None:
    ours, memory = (median(found[name] for found in repeats) for name in ("seconds", "memory_mb"))
    line = f"{what:<38}{ours:6.2f} s  peak {memory:4.0f} MB (goal at most {GOALS['memory_mb']})"
    if all("psql" in found for found in repeats):
        ratio = median(found["seconds"] / found["psql"] for found in repeats)
        line += f"  {ratio:.2f} of psql (goal at most {GOALS['ratio']})"
    print(line)


def _prepare(folder: Path) -> None:
    """Write the batches as the transformation stage does, and the same rows as CSV for psql."""
    import duckdb

    for number, (_, rows, shift) in enumerate(BATCHES, 1):
        query = ROW.format(rows=rows, shift=shift)
        path = folder / f"store/fact_order/{number}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        duckdb.execute(f"COPY (SELECT *, false AS _late FROM ({query})) TO '{path}' (FORMAT parquet)")
        duckdb.execute(
            f"COPY (SELECT *, false AS _late FROM ({query})) TO '{folder}/{number}.csv' (FORMAT csv, HEADER false)"
        )


def _repeat(server, folder: Path, repeat: int) -> list[dict[str, float]]:  # type: ignore[no-untyped-def]
    _create_databases(server, repeat)
    measured = []
    for number in range(1, len(BATCHES) + 1):
        found = _load(server.url(f"ours_{repeat}"), folder, number)
        if shutil.which("psql"):
            found["psql"] = _psql(server.url(f"psql_{repeat}"), folder, number)
        measured.append(found)
    return measured


def _create_databases(server, repeat: int) -> None:  # type: ignore[no-untyped-def]
    from load.warehouse.wiring import WAREHOUSE
    from utils.postgres.connection import connect
    from utils.postgres.url import parse_url

    with connect(parse_url(server.url("postgres")), WAREHOUSE) as session:
        for name in ("ours", "psql"):
            session.run(f"CREATE DATABASE {name}_{repeat}")


def _psql(url: str, folder: Path, number: int) -> float:
    merge = CREATE if number == 1 else MERGE.format(batch=number)
    script = folder / "merge.sql"
    script.write_text(f"BEGIN;\n{STAGE}\n\\copy s from '{folder}/{number}.csv' csv\n{merge}\nCOMMIT;\n")
    begun = time.monotonic()
    subprocess.run(["psql", "-qX", "-v", "ON_ERROR_STOP=1", url, "-f", str(script)], check=True, capture_output=True)
    return time.monotonic() - begun


def _load(url: str, folder: Path, number: int) -> dict[str, float]:
    """Load one batch in a process of its own, which says how long it took and how large it grew."""
    command = [sys.executable, "-m", "benchmarks.load", url, str(folder), str(number)]
    answer: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return answer


def _child(url: str, folder: Path, number: int) -> None:
    from load.warehouse.pipeline import load_batch
    from load.warehouse.wiring import open_ports
    from utils.folder_store import FolderStore
    from utils.postgres.url import parse_url
    from utils.project import Project

    store, manifest = FolderStore(folder / "store"), _manifest(folder, number)
    begun = time.monotonic()
    with open_ports(Project(folder, "benchmark"), parse_url(url), store, folder) as ports:
        load_batch(manifest, ports)
    seconds = time.monotonic() - begun
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "memory_mb": memory_mb}))


def _manifest(folder: Path, number: int):  # type: ignore[no-untyped-def]
    from utils.manifest import ProcessedManifest, Snapshot, WarehouseColumn, WarehouseTable
    from utils.store import DataFile

    path = folder / f"store/fact_order/{number}.parquet"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    table = WarehouseTable(
        name="fact_order",
        kind="fact",
        load="merge",
        key=("sales_order_id",),
        columns=tuple(WarehouseColumn(name, kind, not_null=True) for name, kind in COLUMNS.items()),
        references=(),
        unique=(),
        record_id="order_record_id",
        source="sales_order",
        rows=(DataFile(f"fact_order/{number}.parquet", BATCHES[number - 1][1], path.stat().st_size, digest),),
    )
    return ProcessedManifest(
        number=number,
        attempt=1,
        run_id="benchmark",
        project="benchmark",
        landing=str(number),
        predecessor=str(number - 1) if number > 1 else None,
        base=1,
        snapshot=Snapshot(1, 1, "1", 1, in_recovery=False, taken_at="2024-01-01T00:00:00+00:00"),
        calendar=None,
        tables=(table,),
    )


if __name__ == "__main__":
    if len(sys.argv) == 4:
        _child(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
    else:
        main()
