r"""Extraction against `psql \copy` of the same rows: seconds as ratios, peak memory, and the run that finds nothing."""

import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

ROWS = 2_000_000
FEW_ROWS = 20_000
PAIRS = 5
TOTESYS = Path(__file__).parent.parent / "projects" / "totesys"
GOALS = {"ratio": 1.25, "memory_mb": 128, "quiet_seconds": 0.5}

TABLE = """
    CREATE TABLE {table} (
        sales_order_id int PRIMARY KEY, created_at timestamp(3) NOT NULL, last_updated timestamp(3) NOT NULL,
        design_id int NOT NULL, staff_id int NOT NULL, counterparty_id int NOT NULL, units_sold int NOT NULL,
        unit_price numeric(10,2) NOT NULL, currency_id int NOT NULL, agreed_delivery_date text NOT NULL,
        agreed_payment_date text NOT NULL, agreed_delivery_location_id int NOT NULL
    );
    INSERT INTO {table}
    SELECT i, '2022-11-03'::timestamp + i * interval '17 seconds', '2022-11-03'::timestamp + i * interval '19 seconds',
        i % 473 + 1, i % 20 + 1, i % 20 + 1, i % 99000 + 1000, 2 + (i % 200) / 100.0, i % 3 + 1,
        ('2022-11-03'::date + i % 1000)::text, ('2022-11-05'::date + i % 1000)::text, i % 30 + 1
    FROM generate_series(1, {rows}) i;
    VACUUM ANALYZE {table};
"""
MODEL = '/*\nkind = "fact"\nkey = "sales_order_id"\ndriving = "{table}"\n*/\nSELECT {table}.sales_order_id\n'


def main() -> None:
    """Print what docs/performance.md quotes of extraction."""
    from local.postgres.embedded import embedded_postgres  # the children, whose memory counts, do without

    with embedded_postgres() as server, tempfile.TemporaryDirectory() as folder:
        print(f"{PAIRS} pairs, medians; goals in brackets")
        _compare_with_psql(server.url("postgres"), Path(folder))
        _measure_quiet_run(server.url("postgres"), Path(folder))


def _compare_with_psql(url: str, folder: Path) -> None:
    for table, rows in (("few_orders", FEW_ROWS), ("sales_order_like", ROWS)):
        _create(url, table, rows)
        (folder / table / "models").mkdir(parents=True)
        (folder / table / "pipeline.toml").write_text('cursor = "last_updated"\n')
        (folder / table / "models" / f"fact_{table}.sql").write_text(MODEL.format(table=table))
    few = [_extract(url, folder / "few_orders", folder / "store") for _ in range(PAIRS)]
    print(f"peak memory, {FEW_ROWS:>9,} rows: {_median(few, 'memory_mb'):5.0f} MB ({_goal('memory_mb')})")
    if shutil.which("psql") is None:
        print("psql is not on PATH, so there is nothing to compare with")
        return
    pairs = [(_time(lambda: _psql(url, folder)), _whole_process(url, folder)) for _ in range(PAIRS)]
    many = [ours for _, ours in pairs]
    print(f"peak memory, {ROWS:>9,} rows: {_median(many, 'memory_mb'):5.0f} MB ({_goal('memory_mb')})")
    print(f"psql \\copy: {median(psql for psql, _ in pairs):.2f} s")
    for name, label in (("work_seconds", "work after imports"), ("seconds", "whole process")):
        ratio = median(ours[name] / psql for psql, ours in pairs)
        print(f"extraction, {label}: {_median(many, name):.2f} s, {ratio:.2f} of psql ({_goal('ratio')})")


def _measure_quiet_run(url: str, folder: Path) -> None:
    from local.totesys import generator

    with closing(_connect(url)) as connection:
        generator.create_schema(connection)
        generator.seed(connection)
    _extract(url, TOTESYS, folder / "quiet")
    quiet = [_extract(url, TOTESYS, folder / "quiet") for _ in range(PAIRS)]
    seconds = _median(quiet, "work_seconds")
    print(f"nothing changed in eleven tables: {seconds:.2f} s of work after imports ({_goal('quiet_seconds')})")


def _median(measured: list[dict[str, float]], name: str) -> float:
    return median(found[name] for found in measured)


def _goal(name: str) -> str:
    return f"goal at most {GOALS[name]}"


def _create(url: str, table: str, rows: int) -> None:
    with closing(_connect(url)) as connection:
        for statement in TABLE.format(table=table, rows=rows).split(";")[:-1]:
            connection.run(statement)


def _connect(url: str):  # type: ignore[no-untyped-def] # pg8000 ships no types
    from pg8000.native import Connection

    from utils.postgres.url import parse_url

    parts = parse_url(url, {})
    return Connection(parts.user, host=parts.host, port=parts.port, database=parts.database)


def _time(work: Callable[[], object]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def _psql(url: str, folder: Path) -> None:
    address = url.replace("?sslmode=disable", "")
    copy = f"\\copy sales_order_like to '{folder / 'psql.csv'}' with (format csv, header)"
    subprocess.run(["psql", "-qX", address, "-c", copy], check=True)


def _whole_process(url: str, folder: Path) -> dict[str, float]:
    found: dict[str, float] = {}
    store = folder / "store_of_many"
    seconds = _time(lambda: found.update(_extract(url, folder / "sales_order_like", store)))
    shutil.rmtree(store)
    return {**found, "seconds": seconds}


def _extract(url: str, project: Path, store: Path) -> dict[str, float]:
    """Extract in a process of its own, which says how long its work took and how large it grew."""
    command = [sys.executable, "-m", "benchmarks.extraction", url, str(project), str(store)]
    answer: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return answer


def _child(url: str, project: str, store: str) -> None:
    from extraction.database.pipeline import Run, extract_batch
    from extraction.database.wiring import open_ports
    from utils.folder_store import FolderStore
    from utils.postgres.url import parse_url
    from utils.project import read_project

    landing, processed = FolderStore(Path(store) / "landing"), FolderStore(Path(store) / "processed")
    begun = time.monotonic()
    now = datetime.now(UTC)
    with open_ports(read_project(Path(project)), parse_url(url, {}), landing, processed) as ports:
        extract_batch(Run(f"run-{now.timestamp()}", now, f"{now.microsecond:08x}"), ports)
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"work_seconds": time.monotonic() - begun, "memory_mb": memory_mb}))


if __name__ == "__main__":
    if len(sys.argv) == 4:
        _child(*sys.argv[1:])
    else:
        main()
