r"""Dropped files against `psql \copy` and against row-by-row pandas: seconds as ratios; peak memory by size.

`python -m benchmarks.files_load [MEGABYTES [LARGEST]]`: how large the compared CSV is, and the largest one for memory.
"""

import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

MEGABYTES = 1000
LARGEST = 5000
REPEATS = 3
PANDAS_ROWS = 20_000  # row by row takes so long that its rate is taken from fewer
RULES_ROWS = 200_000
GOALS = {"psql": 1.5, "pandas": 5.0, "memory_mb": 256}
HEADER = b"id,device,recorded_at,model,odometer,consumption,fuel,city\n"
ROW = b"123456,942807c9-711d-4000-8000-9ef9bbe7aecc,2026-11-01 00:00:00+00,Delta 17,131744,17.6,7.3,Lyon\n"
COLUMNS = {
    "id": "integer",
    "device": "uuid",
    "recorded_at": "timestamptz",
    "model": "text",
    "odometer": "integer",
    "consumption": "real",
    "fuel": "numeric(4,1)",
    "city": "text",
}
RULES = {
    "id": "required = true",
    "odometer": "minimum = 0",
    "fuel": "minimum = 0, maximum = 100",
    "city": "trim = true",
}


def main(megabytes: int = MEGABYTES, largest: int = LARGEST) -> None:
    """Print what docs/performance.md quotes of dropped files."""
    from local.postgres.embedded import embedded_postgres

    with embedded_postgres(settings={"max_wal_size": "4GB"}) as server, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _declare(folder)
        _compare_with_psql(server.url("postgres"), folder, megabytes)
        _compare_with_pandas(server.url("postgres"), folder)
        for table, sizes in (("plain", (10, 1000, largest)), ("ruled", (10, min(1000, largest)))):
            for size in sorted(set(sizes)):
                _measure_memory(server.url("postgres"), folder, table, size)


def _declare(folder: Path) -> None:
    (folder / "project/files").mkdir(parents=True)
    (folder / "project/pipeline.toml").write_text('name = "benchmark"\n')
    for table, rules in (("plain", {}), ("ruled", RULES)):
        settings = {name: [f'type = "{kind}"', *filter(None, [rules.get(name)])] for name, kind in COLUMNS.items()}
        lines = [f"{name} = {{ {', '.join(found)} }}" for name, found in settings.items()]
        (folder / f"project/files/{table}.toml").write_text("\n".join(["[columns]", *lines, ""]))


def _write_csv(path: Path, size: int) -> int:
    rows = size // len(ROW)
    with path.open("wb") as stream:
        stream.write(HEADER)
        for at in range(0, rows, 10_000):
            stream.write(ROW * min(10_000, rows - at))
    return rows


def _compare_with_psql(url: str, folder: Path, megabytes: int) -> None:
    path = folder / "clean.csv"
    rows = _write_csv(path, megabytes * 1_000_000)
    ratios, seconds = [], []
    for _ in range(REPEATS):
        found = _load(url, folder, "plain", path)
        seconds.append(found["seconds"])
        if shutil.which("psql"):
            ratios.append(found["seconds"] / _psql(url, path))
    ratio = f"{median(ratios):.2f} of psql (goal at most {GOALS['psql']})" if ratios else "psql is not here"
    print(f"clean CSV, {megabytes:,} MB, {rows:,} rows: {median(seconds):6.2f} s  {ratio}", flush=True)
    path.unlink()


def _run_sql(url: str, *statements: str) -> None:
    from load.files.wiring import TARGET
    from utils.postgres.connection import connect
    from utils.postgres.url import parse_url

    with connect(parse_url(url), TARGET) as session:
        for statement in statements:
            session.run(statement)


def _create(table: str) -> tuple[str, str, str]:
    columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    return f"DROP TABLE IF EXISTS public.{table}", f"CREATE TABLE public.{table} ({columns})", "CHECKPOINT"


def _psql(url: str, path: Path) -> float:
    _run_sql(url, *_create("theirs"))
    begun = time.monotonic()
    command = ["psql", "-qX", "-v", "ON_ERROR_STOP=1", url, "-c", f"\\copy theirs from '{path}' csv header"]
    subprocess.run(command, check=True, capture_output=True)
    return time.monotonic() - begun


def _compare_with_pandas(url: str, folder: Path) -> None:
    path, few = folder / "ruled.csv", folder / "few.csv"
    rows, few_rows = _write_csv(path, RULES_ROWS * len(ROW)), _write_csv(few, PANDAS_ROWS * len(ROW))
    ours = median(_load(url, folder, "ruled", path)["seconds"] for _ in range(REPEATS)) / rows
    theirs = _child("pandas", url, str(few))["seconds"] / few_rows
    print(
        f"with rules: {1 / ours:,.0f} rows/s, row by row with pandas {1 / theirs:,.0f} rows/s: "
        f"{theirs / ours:.1f} times as fast (goal at least {GOALS['pandas']:g})",
        flush=True,
    )


def _measure_memory(url: str, folder: Path, table: str, megabytes: int) -> None:
    from tests.files_function import csv_bytes, whole_rows
    from tests.range_server import range_server

    size = whole_rows(HEADER, ROW, megabytes * 1_000_000)
    with range_server(size, csv_bytes(HEADER, ROW)) as served:
        _run_sql(url, *_create(table), "DROP SCHEMA IF EXISTS starlift CASCADE")
        found = _child("object", url, str(folder), table, served.address, str(size))
    memory, seconds = found["memory_mb"], found["seconds"]
    print(
        f"{table}, an object of {megabytes:,} MB: peak {memory:4.0f} MB (goal at most {GOALS['memory_mb']}), "
        f"{seconds:6.1f} s, {megabytes / seconds:.0f} MB/s",
        flush=True,
    )


def _load(url: str, folder: Path, table: str, path: Path) -> dict[str, float]:
    _run_sql(url, *_create(table), "DROP SCHEMA IF EXISTS starlift CASCADE")
    return _child("file", url, str(folder), table, str(path))


def _child(*arguments: str) -> dict[str, float]:
    """Run one measurement in a process of its own, which says how long it took and how large it grew."""
    command = [sys.executable, "-m", "benchmarks.files_load", "child", *arguments]
    answer: dict[str, float] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return answer


def _measure(kind: str, *arguments: str) -> None:
    work = {"file": _file_work, "object": _object_work, "pandas": _pandas_work}[kind](*arguments)
    next(work)  # what is imported before the clock starts
    begun = time.monotonic()
    next(work, None)
    seconds = time.monotonic() - begun
    print(json.dumps({"seconds": seconds, "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


def _file_work(url: str, folder: str, table: str, path: str) -> Iterator[None]:
    from local.file_loading import find_file, load_one, open_job
    from utils.postgres.url import parse_url

    found = find_file(path, table)
    job = open_job(Path(folder) / "project", parse_url(url), f"{folder}/quarantine")
    yield
    load_one(job, found)


def _object_work(url: str, folder: str, table: str, address: str, size: str) -> Iterator[None]:
    import boto3
    from tests.range_server import ETAG

    from load.files.pipeline import load_file
    from load.files.ports import DroppedFile
    from load.files.wiring import BucketObjects, make_ports
    from utils.file_project import read_file_project
    from utils.folder_store import FolderStore
    from utils.postgres.url import parse_url

    objects = BucketObjects(boto3.client("s3", endpoint_url=address, region_name="eu-west-2", **_KEYS))
    project = read_file_project(Path(folder) / "project")
    ports = make_ports(project, parse_url(url), FolderStore(Path(folder) / "quarantine"), objects)
    yield
    load_file(DroppedFile("drop", f"{table}/big.csv", ETAG.strip('"'), bytes=int(size)), ports)


_KEYS = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}


def _pandas_work(url: str, path: str) -> Iterator[None]:
    """Do what many a script does: the file whole, then a check and an INSERT a row."""
    import pandas

    from load.files.wiring import TARGET
    from utils.postgres.connection import connect
    from utils.postgres.url import parse_url

    _run_sql(url, *_create("theirs"))
    names = ", ".join(COLUMNS)
    insert = f"INSERT INTO public.theirs ({names}) VALUES ({', '.join(f':{name}' for name in COLUMNS)})"
    with connect(parse_url(url), TARGET) as session:
        yield
        session.run("BEGIN")
        for _, row in pandas.read_csv(path).iterrows():
            if pandas.notna(row["id"]) and row["odometer"] >= 0 and 0 <= row["fuel"] <= 100:
                session.run(insert, **{name: str(row[name]).strip() for name in COLUMNS})
        session.run("COMMIT")


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        _measure(*sys.argv[2:])
    else:
        main(*map(int, sys.argv[1:3]))
