"""The changes between two exports of 1,000,000 rows, 1 % changed, against DuckDB merely reading both files.

Ours checks every key, compares every column, and writes the changes as JSON lines in order. The reference reads every
value of both files once and keeps the greatest of each column. Both run as processes of their own, in turns, with two
threads; both times begin after imports, and the ratio is the median of the turns' ratios. Publishing is measured
against a stream that takes everything at once, so the figure is ours alone: a shard takes 1,000 records a second.

`python -m benchmarks.delta 10000000 csv` measures other sizes, and one format only.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import duckdb

ROWS = 1_000_000
TURNS = 5
FORMATS = {"csv": "HEADER", "csv.gz": "HEADER, COMPRESSION gzip", "parquet": "FORMAT parquet"}
MEMORY_MB = "1169"  # what is DuckDB's of a Lambda's 1,769 MB
COLUMNS = {
    "id": "printf('%08d', i)",
    "staff": "i % 20",
    "customer": "'customer ' || (i * 7919 % 50000)",
    "price": "printf('%.2f', (i * 31 % 100000) / 100.0)",
    "units": "(i * 17) % 1000",
    "note": "CASE WHEN i % 7 = 0 THEN NULL WHEN i % 11 = 0 THEN '' ELSE 'note \"' || i || '\", said' END",
    "day": "DATE '2020-01-01' + CAST(i % 900 AS INTEGER)",
    "created": "TIMESTAMP '2024-01-01' + to_seconds(i * 30)",
    "hash": "md5(CAST(i AS VARCHAR))",
    "flag": "i % 3 = 0",
}
OURS = """
import resource, sys, time
from pathlib import Path
from transformation.delta.compare import compare
from transformation.delta.engine import open_engine
from transformation.delta.export import ExportFile, read_export
from transformation.delta.lines import Numbered, write_lines
from utils.export_table import ExportTable, ExportVersion, Format
from utils.postgres.names import TableName
table = ExportTable("orders", ("id",), TableName("public", "orders"), Format(sys.argv[1].removesuffix(".gz")))
folder = Path(sys.argv[2])
begun = time.perf_counter()
with open_engine(folder, int(sys.argv[3])) as engine:
    exports = [read_export([ExportFile(folder / name, name)], table, folder, engine)
        for name in (f"old.{sys.argv[1]}", f"new.{sys.argv[1]}")]
    found = compare(*exports, table, engine)
    write_lines(found, Numbered(ExportVersion("acme", "orders", "v2"), 2), folder / "changes.jsonl", engine)
seconds = time.perf_counter() - begun
print([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10, found.counts.changes])
"""
REFERENCE = """
import duckdb, resource, sys, time
begun = time.perf_counter()
engine = duckdb.connect(config={"threads": 2, "preserve_insertion_order": False})
for query in sys.argv[1:]:
    engine.execute(query)
print([time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10, 0])
"""
PUBLISH = """
import resource, sys, tempfile, time
from pathlib import Path
from tests.delta_fakes import ports
from transformation.delta.publish import publish
from utils.deadline import no_deadline
with tempfile.TemporaryDirectory() as name:
    made = ports(Path(name))
    begun = time.perf_counter()
    publish(Path(sys.argv[1]), "large", made, no_deadline)
    seconds = time.perf_counter() - begun
print([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10, len(made.stream.records)])
"""
Run = tuple[float, int, int]


def main(rows: int = ROWS, formats: Sequence[str] = tuple(FORMATS)) -> None:
    """Print the medians, their ratios, the peak memory, and the rate of publishing."""
    with tempfile.TemporaryDirectory(prefix="starlift-bench-") as name:
        folder = Path(name)
        _write_exports(folder, rows, formats)
        for kind in formats:
            reading = [_reading(folder / f"{export}.{kind}") for export in ("old", "new")]
            ours, reference = [], []
            for _ in range(TURNS):
                reference.append(_measure(REFERENCE, *reading))
                ours.append(_measure(OURS, kind, name, MEMORY_MB))
            _report(f"{kind}: reading", reference, reference)
            _report(f"{kind}: delta", ours, reference)
        _report_publishing([_measure(PUBLISH, str(folder / "changes.jsonl")) for _ in range(TURNS)])


def _write_exports(folder: Path, rows: int, formats: Sequence[str]) -> None:
    """Write two exports between which 0.5 % of the rows are updated, 0.25 % deleted and 0.25 % inserted."""
    _write(folder / "old", COLUMNS, f"range({rows}) AS t(i)", formats)
    changed = {**COLUMNS, "units": f"CASE WHEN i % 200 = 1 THEN -1 ELSE {COLUMNS['units']} END"}
    _write(folder / "new", changed, f"range({rows + rows // 400}) AS t(i) WHERE i % 400 <> 2", formats)


def _write(path: Path, columns: dict[str, str], rows: str, formats: Sequence[str]) -> None:
    items = ", ".join(f"{expression} AS {name}" for name, expression in columns.items())
    for ending in formats:
        duckdb.execute(f"COPY (SELECT {items} FROM {rows}) TO '{path}.{ending}' ({FORMATS[ending]})")


def _reading(path: Path) -> str:
    """Return a query for which every value of a file must be read as it is typed there, and nothing kept."""
    columns = ", ".join(f"'{name}': 'VARCHAR'" for name in COLUMNS)
    csv = f"read_csv('{path}', header = true, auto_detect = false, columns = {{{columns}}})"
    relation = csv if ".csv" in path.suffixes else f"read_parquet('{path}')"
    return f"SELECT {', '.join(f'max({name})' for name in COLUMNS)} FROM {relation}"


def _measure(program: str, *arguments: str) -> Run:
    """Run a program by itself and return its seconds, peak megabytes and count."""
    found = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    seconds, megabytes, count = json.loads(found.stdout.splitlines()[-1])
    return float(seconds), int(megabytes), int(count)


def _report(name: str, runs: list[Run], reference: list[Run]) -> None:
    seconds = statistics.median(run[0] for run in runs)
    ratio = statistics.median(run[0] / beside[0] for run, beside in zip(runs, reference, strict=True))
    print(f"{name:<18}{seconds:>8.2f} s {ratio:>6.2f} x {max(run[1] for run in runs):>6} MB {runs[0][2]:>8,} changes")


def _report_publishing(runs: list[Run]) -> None:
    rate = statistics.median(run[2] / run[0] for run in runs)
    print(f"{'publishing':<18}{rate:>8,.0f} changes/s {max(run[1] for run in runs):>6} MB")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]), *([sys.argv[2:]] if sys.argv[2:] else []))
