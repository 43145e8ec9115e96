"""Parsing and checking 1,000,000 dropped readings (CSV, one in a hundred bad), against pandas by row and whole.

All three apply the rules of projects/telemetry. Each runs as a process of its own, in turns; row by row gets a tenth
of the rows, for it would take minutes.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from local.telemetry.generator import write_files
from local.telemetry.shape import Format, Order

RECORDS = 1_000_000
TURNS = 3
PROJECT = Path(__file__).parents[1] / "projects" / "telemetry"
TIMED = """
import resource, sys, time
{prepare}
begun = time.perf_counter()
{measured}
seconds = time.perf_counter() - begun
print([seconds, good, bad, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10])
"""
OURS = TIMED.format(
    prepare="""
from pathlib import Path
from transformation.records.read import read_chunks
from utils.file_project import read_file_project
from utils.store import file_blocks
table = read_file_project(Path(sys.argv[2])).tables["vehicle_readings"]""",
    measured="""
good = bad = 0
for chunk in read_chunks(table, sys.argv[1], file_blocks(Path(sys.argv[1]))):
    good, bad = good + len(chunk.rows), bad + len(chunk.rejected)""",
)
ROW_BY_ROW = TIMED.format(
    prepare="""
import re, uuid
import pandas as pd
ZONE = re.compile(r"[A-Za-z]+(/[A-Za-z_+\\-0-9]+)*")
BOUNDS = {"odometer": (0, 5e6), "trip_distance": (0, 1e7), "instant_consumption": (0, 200),
    "average_consumption": (0, 200), "fuel_level": (0, 100)}
def check(row):
    for name in ("timestamp", "device_id", "model", "city", "country"):
        if pd.isna(row[name]): raise ValueError(name)
    pd.Timestamp(row["timestamp"]); uuid.UUID(row["device_id"])
    for name, (low, high) in BOUNDS.items():
        if not pd.isna(row[name]) and not low <= float(row[name]) <= high: raise ValueError(name)
    if len(row["model"].strip()) > 60 or not ZONE.fullmatch(row["time_zone"]): raise ValueError("model")""",
    measured="""
good, bad = 0, 0
for _, row in pd.read_csv(sys.argv[1], dtype=str).iterrows():
    try:
        check(row); good += 1
    except ValueError:
        bad += 1""",
)
WHOLE = TIMED.format(
    prepare="""
import pandas as pd
BOUNDS = {"odometer": (0, 5e6), "trip_distance": (0, 1e7), "instant_consumption": (0, 200),
    "average_consumption": (0, 200), "fuel_level": (0, 100)}
UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\"""",
    measured="""
frame = pd.read_csv(sys.argv[1], dtype=str)
fine = pd.to_datetime(frame["timestamp"], errors="coerce", format="ISO8601").notna()
fine &= frame["device_id"].str.fullmatch(UUID).fillna(False).astype(bool)
for name in ("model", "city", "country"):
    fine &= frame[name].str.strip().notna()
for name, (low, high) in BOUNDS.items():
    numbers = pd.to_numeric(frame[name], errors="coerce")
    fine &= frame[name].isna() | numbers.between(low, high)
fine &= frame["time_zone"].str.fullmatch(r"[A-Za-z]+(?:/[A-Za-z_+\\-0-9]+)*").fillna(True).astype(bool)
good, bad = int(fine.sum()), int((~fine).sum())""",
)
PROGRAMS: Mapping[str, str] = {"chunks": OURS, "pandas whole": WHOLE, "pandas by row": ROW_BY_ROW}


def main() -> None:
    """Print each way's median rows a second, the ratio to the row-by-row way, and peak memory."""
    with tempfile.TemporaryDirectory(prefix="starlift-bench-") as name:
        large, small = _write(Path(name) / "large", RECORDS), _write(Path(name) / "small", RECORDS // 10)
        runs: dict[str, list[tuple[float, int]]] = {program: [] for program in PROGRAMS}
        for _ in range(TURNS):
            for program, text in PROGRAMS.items():
                runs[program].append(_measure(text, small if text is ROW_BY_ROW else large))
    slowest = statistics.median(rate for rate, _ in runs["pandas by row"])
    for program, measured in runs.items():
        rate = statistics.median(rate for rate, _ in measured)
        peak = max(peak for _, peak in measured)
        print(f"{program:<16}{rate:>10,.0f} rows/s {rate / slowest:>6.1f} x {peak:>6} MB")


def _write(folder: Path, records: int) -> Path:
    return write_files(folder, Order(Format.CSV, files=1, records=records, bad_share=0.01, seed=1))[0]


def _measure(program: str, path: Path) -> tuple[float, int]:
    """Run a program by itself and return its rows a second and peak megabytes."""
    command = [sys.executable, "-c", program, str(path), str(PROJECT)]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, good, bad, megabytes = json.loads(found.stdout.splitlines()[-1])
    return (good + bad) / seconds, int(megabytes)


if __name__ == "__main__":
    main()
