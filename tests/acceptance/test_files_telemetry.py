"""projects/telemetry as docs/files.md shows it: generated files in every format, through the command."""

import gzip
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import zstandard
from typer.testing import CliRunner

from cli.main import app
from load.files.wiring import TARGET
from tests.file_drops import Drop
from tests.processes import PATIENCE
from utils.postgres.connection import connect
from utils.postgres.url import parse_url

TELEMETRY = Path(__file__).parents[2] / "projects" / "telemetry"
COMPRESS = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.ZstdCompressor().compress}
RECORDS = 300


@pytest.fixture
def drop(make_database, tmp_path):
    return Drop(make_database(), tmp_path)


def starlift(*arguments, **options):
    result = CliRunner().invoke(app, [*map(str, arguments)], **options)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def generate(drop, format_):
    options = ("--format", format_, "--records", RECORDS, "--bad-share", 0.1, "--seed", 7, "--json")
    result = starlift("files", "generate", *options, "--out", drop.folder / "dropped")
    return Path(json.loads(result.stdout)["files"][0])


def compressed(path, suffix):
    packed = path.with_name(path.name + suffix)
    packed.write_bytes(COMPRESS[suffix](path.read_bytes()))
    return packed


def load(drop, *more, project=TELEMETRY):
    where = ("--project", project, "--target", drop.url, "--quarantine", drop.quarantine.root)
    return starlift("files", "load", *where, *more)


def rows(drop):
    columns = "recorded_at, device_id, model, odometer, fuel_level, city, country, time_zone"
    return drop.ask(f"SELECT {columns} FROM vehicle_readings ORDER BY {columns}")


@pytest.fixture
def expected(drop, make_database, tmp_path):
    """Return the rows of the generated records, loaded from CSV into a database of their own."""
    twin = Drop(make_database(), tmp_path / "twin")
    load(twin, generate(twin, "csv"))
    return rows(twin)


@pytest.mark.parametrize("suffix", COMPRESS)
@pytest.mark.parametrize("format_", ["csv", "json", "jsonl"])
def test_every_format_plain_or_compressed_brings_the_same_rows_once(drop, expected, format_, suffix):
    path = compressed(generate(drop, format_), suffix)

    (found,), (again,) = (json.loads(load(drop, path, "--json").stdout)["files"] for _ in range(2))

    assert (found["outcome"], again["outcome"]) == ("loaded", "known")
    assert found["read"] == RECORDS == found["copied"] + found["rejected"]
    assert found["rejected"] == len(drop.rejected()) > 0
    assert rows(drop) == expected


def test_the_telemetry_table_is_partitioned_and_its_rows_are_spread(drop):
    load(drop, generate(drop, "csv"))

    spread = drop.ask("SELECT tableoid::regclass::text, count(*) FROM vehicle_readings GROUP BY 1 ORDER BY 1")

    assert [name for name, _ in spread] == [f"vehicle_readings_{place}" for place in range(4)]
    assert sum(count for _, count in spread) == drop.ledger("rows_copied")[0][0]


def test_each_rejected_record_tells_line_column_rule_reason_and_itself(drop):
    path = generate(drop, "csv")
    load(drop, path)

    lines = path.read_text().split("\n")

    for found in drop.rejected():
        assert found["rule"]
        assert found["reason"]
        assert found["raw"].split("\n")[0] == lines[found["line"] - 1]


def test_the_report_names_each_file_and_where_its_bad_rows_are(drop):
    paths = [generate(drop, format_) for format_ in ("csv", "json")]

    told = load(drop, *paths).output

    places = drop.ask("SELECT rows_rejected, key, quarantine FROM starlift.processed_files ORDER BY id")
    for rejected, key, quarantine in places:
        assert f"{rejected} bad rows of {key} set aside in {quarantine}" in told.replace("\n", "")
    assert "\n\n" not in told


def test_edited_content_replaces_the_rows_of_its_file_and_so_does_a_forgotten_one(drop):
    path = generate(drop, "csv")
    load(drop, path)
    before = rows(drop)
    header, _, rest = path.read_text().split("\n", 2)
    path.write_text(f"{header}\n{rest}")

    load(drop, path)
    drop.ask("DELETE FROM starlift.processed_files")
    load(drop, path)

    assert len(rows(drop)) == len(before) - 1
    assert drop.ledger("rows_read") == [[RECORDS - 1]]


def test_a_database_that_is_down_is_told_once_and_for_all_files(drop):
    url = "postgresql://somebody@127.0.0.1:1/none?sslmode=disable"
    told = starlift("files", "load", "--project", TELEMETRY, "--target", url, "a.csv", "b.csv")

    assert told.exit_code == 1
    assert told.output.count("cannot be reached") == 1
    assert "run the same command again" in told.output


@pytest.mark.parametrize("verb", ["run", "verify"])
def test_a_project_of_file_tables_alone_has_nothing_to_run_or_verify(drop, verb):
    where = ["--source", drop.url, "--warehouse", drop.url, "--project", TELEMETRY]
    where += ["--store", drop.folder / "store"] if verb == "run" else []

    told = starlift(verb, *where)

    assert told.exit_code == 1
    assert "For dropped files there is `starlift files load`" in " ".join(told.output.split())
    assert not (drop.folder / "store").exists()


@pytest.mark.parametrize("arguments", [["files", "load", "s3://b/readings/a.csv"], ["dlq", "list", "--dlq", "queue"]])
def test_missing_aws_logins_are_named_with_what_to_do(drop, monkeypatch, arguments):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    more = ["--project", TELEMETRY, "--target", drop.url] if arguments[0] == "files" else []

    told = starlift(*arguments, *more)

    assert told.exit_code == 1
    assert "Log in to AWS" in told.output
    assert "run the same command again" not in told.output


def test_ctrl_c_in_the_middle_of_a_load_leaves_nothing_of_the_file_and_says_so(drop):
    path = generate(drop, "csv")
    load(drop, path)
    drop.ask("TRUNCATE starlift.processed_files, vehicle_readings")

    with connect(parse_url(drop.url), TARGET) as other:
        other.run("BEGIN")
        other.run("LOCK TABLE vehicle_readings")  # holds the load back after its first look at the ledger
        running = start_load(drop, path)
        wait_for_lock(drop)
        running.send_signal(signal.SIGINT)
        told, _ = running.communicate(timeout=PATIENCE)
        other.run("ROLLBACK")

    assert running.returncode == 130
    assert f"Interrupted at {path}" in told.replace("\n", "")
    assert (drop.ledger(), rows(drop)) == ([], [])
    assert load(drop, path).exit_code == 0


def start_load(drop, path):
    arguments = ["files", "load", "--project", TELEMETRY, "--target", drop.url, path]
    code = "from cli.main import main; main()"
    told = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], cwd=drop.folder, **told)


def wait_for_lock(drop):
    until = time.monotonic() + PATIENCE
    while not drop.ask("SELECT 1 FROM pg_locks WHERE NOT granted"):
        assert time.monotonic() < until
        time.sleep(0.05)
