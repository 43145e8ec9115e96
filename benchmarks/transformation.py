"""Transformation of 2,000,000 landed orders into a fact's Parquet, against DuckDB's plain COPY of the same columns.

Ours also checks the file's checksum, tests every row, refuses double keys, spills within a Lambda's memory, and
uploads with a checksum; the reference only reads and writes. Both run as processes of their own, in turns.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb

from utils.batch_log import LandingLog
from utils.folder_store import FolderStore
from utils.manifest import Column, LandingManifest, Snapshot, SourceTable
from utils.store import DataFile, file_blocks

ROWS = 2_000_000
TURNS = 5
MEMORY_MB = "1769"  # what a Lambda needs to get a whole processor
STAMP = "timestamp(3) without time zone"
COLUMNS = {
    "sales_order_id": ("integer", "i"),
    "created_at": (STAMP, "strftime(TIMESTAMP '2022-11-03 14:20:52.186' + to_seconds(i * 30), '%Y-%m-%d %H:%M:%S.%g')"),
    "last_updated": (
        STAMP,
        "strftime(TIMESTAMP '2022-11-03 14:20:52.186' + to_seconds(i * 30), '%Y-%m-%d %H:%M:%S.%g')",
    ),
    "design_id": ("integer", "1 + i % 470"),
    "staff_id": ("integer", "1 + i % 20"),
    "counterparty_id": ("integer", "1 + i % 20"),
    "units_sold": ("integer", "1000 + (i * 7919) % 99000"),
    "unit_price": ("numeric(10,2)", "printf('%.2f', 2 + ((i * 31) % 200) / 100.0)"),
    "currency_id": ("integer", "1 + i % 3"),
    "agreed_delivery_date": ("text", "CAST(DATE '2022-11-04' + CAST(i % 900 AS integer) AS VARCHAR)"),
    "agreed_payment_date": ("text", "CAST(DATE '2022-11-05' + CAST(i % 900 AS integer) AS VARCHAR)"),
    "agreed_delivery_location_id": ("integer", "1 + i % 30"),
}
FACT = Path(__file__).parents[1] / "projects/totesys/models/fact_sales_order.sql"
CALENDAR = Path(__file__).parents[1] / "projects/totesys/models/dim_date.sql"
OURS = """
import resource, sys, time
from pathlib import Path
from transformation.star_schema.pipeline import transform_pending
from transformation.star_schema.wiring import Config, open_lambda_ports
ports = open_lambda_ports(Config.from_env({"PROJECT": sys.argv[1], "LANDING": sys.argv[2], "PROCESSED": sys.argv[3],
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": sys.argv[4]}))
begun = time.perf_counter()
transform_pending("benchmark", ports, lambda longest: True)
print([time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10])
"""
REFERENCE = """
import duckdb, resource, sys, time
begun = time.perf_counter()
duckdb.connect(config={"threads": 2, "preserve_insertion_order": False}).execute(sys.argv[1])
print([time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10])
"""


def main() -> None:
    """Print both medians, their ratio and the peak memory."""
    with tempfile.TemporaryDirectory(prefix="starlift-bench-") as name:
        folder = Path(name)
        file, project = _land(folder), _write_project(folder)
        ours, reference = [], []
        for turn in range(TURNS):
            reference.append(_measure(REFERENCE, _plain_copy(file, folder)))
            stores = [str(folder / "landing"), str(folder / f"processed-{turn}")]
            ours.append(_measure(OURS, str(project), *stores, MEMORY_MB))
    _report("duckdb COPY", reference, reference)
    _report("transformation", ours, reference)


def _land(folder: Path) -> Path:
    """Write and commit the batch, and return its one file."""
    text, store = folder / "orders.csv", FolderStore(folder / "landing")
    items = ", ".join(f"{expression} AS {name}" for name, (_, expression) in COLUMNS.items())
    duckdb.execute(f"COPY (SELECT {items} FROM range({ROWS}) AS t(i)) TO '{text}' (HEADER)")
    key = "sales_order/orders.csv"
    written = store.write(key, file_blocks(text))
    text.unlink()
    table = SourceTable(
        name="sales_order",
        columns=tuple(Column(name, kind, kind, not_null=True) for name, (kind, _) in COLUMNS.items()),
        primary_key=("sales_order_id",),
        unique_keys=(("sales_order_id",),),
        foreign_keys=(),
        mode="changes",
        whole=True,
        cursor="last_updated",
        high_water_mark=None,
        previous_high_water_mark=None,
        changed=(DataFile(key, ROWS, written.bytes, written.sha256),),
    )
    LandingLog(store).commit(_manifest(table))
    return folder / "landing" / key


def _manifest(table: SourceTable) -> LandingManifest:
    snapshot = Snapshot(1, 1, "1", 1, in_recovery=False, taken_at="2024-11-21T12:00:00+00:00")
    return LandingManifest(1, "benchmark", "00000001", snapshot.taken_at, "benchmark", None, 1, snapshot, (table,))


def _write_project(folder: Path) -> Path:
    """Write a project of one fact and its calendar, for the batch holds no dimension's rows."""
    models = folder / "project" / "models"
    models.mkdir(parents=True)
    lines = FACT.read_text().splitlines(keepends=True)
    others = ('"dim_staff"', '"dim_counterparty"', '"dim_currency"', '"dim_design"', '"dim_location"')
    (models / FACT.name).write_text("".join(line for line in lines if not line.rstrip().endswith(others)))
    (models / CALENDAR.name).write_text(CALENDAR.read_text())
    (folder / "project" / "pipeline.toml").write_text('cursor = "last_updated"\n')
    return folder / "project"


def _plain_copy(file: Path, folder: Path) -> str:
    """Return the reference: the model's own SELECT list over DuckDB's typed reading of the file."""
    kinds = {STAMP: "TIMESTAMP", "numeric(10,2)": "DECIMAL(10,2)", "integer": "INTEGER", "text": "VARCHAR"}
    columns = ", ".join(f"'{name}': '{kinds[kind]}'" for name, (kind, _) in COLUMNS.items())
    items = FACT.read_text().partition("*/")[2]
    return (
        f"COPY (FROM read_csv('{file}', header = true, columns = {{{columns}}}) AS sales_order {items}) "
        f"TO '{folder / 'reference.parquet'}' (FORMAT parquet, COMPRESSION zstd)"
    )


def _measure(program: str, *arguments: str) -> tuple[float, int]:
    """Run a program by itself and return its seconds and peak megabytes."""
    found = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    seconds, megabytes = json.loads(found.stdout.splitlines()[-1])
    return float(seconds), int(megabytes)


def _report(name: str, runs: list[tuple[float, int]], reference: list[tuple[float, int]]) -> None:
    seconds = statistics.median(run[0] for run in runs)
    ratio = seconds / statistics.median(run[0] for run in reference)
    peak = max(run[1] for run in runs)
    print(f"{name:<16}{seconds:>8.2f} s {ratio:>6.2f} x {ROWS / seconds / 1e6:>6.2f} M rows/s {peak:>6} MB")


if __name__ == "__main__":
    main()
