"""The file drop, deployed by Terraform to the second emulated AWS: files dropped, refused, told twice, given up, replayed."""

import json
import re
import shutil

import pytest

from local.build_target import here
from local.packages import Build, build_packages
from load.files.wiring import TARGET
from tests.conftest import run_on_server
from tests.emulator import why_not
from tests.terraform.calls import Right
from tests.terraform.deployment import login, planned_changes
from tests.terraform.file_drop import RETRY_AFTER, deployed_file_drop, until
from tests.terraform.filter_pattern import matches
from tests.terraform.inspection import alarms, boundary_of, filter_of, remaining_buckets
from tests.terraform.policies import allows, allows_action, unused
from tests.terraform.program import CONFIGURATION
from tests.terraform.test_deployment import ONLY_HERE
from utils.postgres.connection import connect
from utils.postgres.url import parse_url

pytestmark = pytest.mark.timeout(900)
ROLE = "totesys-test-file-drop-function"
TABLE = """
file_column = "source_file"
[columns]
id = { type = "integer", required = true }
fuel = { type = "numeric(4,1)", minimum = 0, maximum = 100 }
"""
WAITING = "SELECT pid FROM pg_stat_activity WHERE datname = 'terraform_files' AND wait_event_type = 'Lock'"


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """Return a folder with the function's zips, and in them a project that declares one table."""
    folder, project = tmp_path_factory.mktemp("packages"), tmp_path_factory.mktemp("project") / "totesys"
    (project / "files").mkdir(parents=True)
    (project / "pipeline.toml").write_text('name = "totesys"\n')
    (project / "files/readings.toml").write_text(TABLE)
    build = Build(here(), project, say=lambda _line: None, functions=folder)
    shutil.copy(build_packages(build, ["file_drop"])["file_drop"].layer, folder)
    return folder


@pytest.fixture(scope="module")
def target(postgres_server):
    run_on_server(postgres_server, "CREATE DATABASE terraform_files")
    yield postgres_server.url("terraform_files")
    run_on_server(postgres_server, "DROP DATABASE terraform_files WITH (FORCE)")


@pytest.fixture(scope="module")
def deployment(tmp_path_factory, packages, target):
    if why := why_not():
        pytest.skip(f"The file drop is not tested: {why}.")
    with deployed_file_drop(tmp_path_factory.mktemp("deployment"), packages) as found:
        yield found


@pytest.fixture(scope="module")
def deployed_settings(deployment):
    """Return the queue's settings as they were deployed."""
    return deployment.attributes("queue", ["All"])


@pytest.fixture(scope="module")
def drop(deployment, deployed_settings, target):
    """Return the file drop in use: it may log in, and retries come within seconds."""
    deployment.put_secret("files", login(target))
    url, soon = deployment.outputs["files_queue_url"], {"VisibilityTimeout": str(RETRY_AFTER)}
    deployment.aws.client("sqs").set_queue_attributes(QueueUrl=url, Attributes=soon)
    return deployment


@pytest.fixture
def query(target):
    """Return a function that asks the target and returns its rows."""
    with connect(parse_url(target), TARGET) as session:
        yield session.run


def rows_of(query, key):
    """Return how many rows of a file the table holds."""
    return query("SELECT count(*) FROM readings WHERE source_file LIKE '%/' || :key", key=key)[0][0]


def test_the_test_events_of_s3_are_taken_and_load_nothing(deployment):
    until(lambda: deployment.lines_of("file_drop"))
    deployment.settle()

    assert deployment.waiting("dead_letters") == 0
    assert not any('"CRITICAL"' in line for line in deployment.lines_of("file_drop"))


def test_a_dropped_file_is_in_its_table_and_in_the_ledger(drop, query):
    version = drop.drop("readings/2026/11/a b+c.csv", b"id,fuel\n1,50\n2,99.5\n")
    drop.settle()

    assert query("SELECT id, fuel::text FROM readings ORDER BY id") == [[1, "50.0"], [2, "99.5"]]
    held = query("SELECT key, version, rows_copied, rows_rejected, file_size_bytes FROM starlift.processed_files")
    assert held == [["readings/2026/11/a b+c.csv", version, 2, 0, 20]]


def test_bad_rows_are_set_aside_with_their_reason_and_announce_nothing(drop, query):
    drop.drop("readings/bad.csv", b"id,fuel\n3,10\n4,101\nfive,1\n")
    drop.settle()

    s3, bucket = drop.aws.client("s3"), drop.bucket("quarantine")
    (held,) = s3.list_objects_v2(Bucket=bucket, Prefix="quarantine/readings/bad.csv")["Contents"]
    lines = s3.get_object(Bucket=bucket, Key=held["Key"])["Body"].read().splitlines()
    told = [(found["line"], found["column"], found["raw"]) for found in map(json.loads, lines)]
    assert told == [(3, "fuel", "4,101"), (4, "id", "five,1")]
    assert rows_of(query, "readings/bad.csv") == 1


def test_a_file_that_is_told_twice_is_loaded_once(drop, query):
    version = drop.drop("readings/twice.csv", b"id,fuel\n6,1\n7,2\n")
    drop.settle()
    drop.announce("readings/twice.csv", version)
    drop.settle()

    assert len(drop.logged("file not needed", "readings/twice.csv")) == 1
    assert rows_of(query, "readings/twice.csv") == 2


def test_two_functions_that_are_handed_one_file_at_once_load_it_once(drop, query, target):
    with connect(parse_url(target), TARGET) as other:
        other.run("BEGIN")
        other.run("LOCK TABLE readings IN ACCESS EXCLUSIVE MODE")
        version = drop.drop("readings/race.csv", b"id,fuel\n8,1\n9,2\n")
        drop.announce("readings/race.csv", version)
        until(lambda: len(query(WAITING)) >= 2)
        other.run("ROLLBACK")
    drop.settle()

    assert len(drop.logged("file not needed", "readings/race.csv")) >= 1
    assert rows_of(query, "readings/race.csv") == 2


@pytest.mark.parametrize("key", ["nowhere.csv", "unknown/a.csv"])
def test_a_file_that_no_table_is_for_is_given_up_at_once(drop, key):
    drop.drop(key, b"id,fuel\n1,1\n")

    told = drop.dead_letter(key)
    assert told["error_type"] == "UnroutableError"
    assert key in told["reason"]
    assert len(drop.logged("file not loaded")) == len(drop.logged("message put aside"))


def test_a_poison_file_is_tried_three_times_then_given_up_with_its_reason_while_others_load(drop, query):
    drop.drop("readings/poison.csv", b"id,colour\n1,red\n")
    drop.drop("readings/beside.csv", b"id,fuel\n10,1\n")
    until(lambda: rows_of(query, "readings/beside.csv"))

    assert not [letter for letter in drop.dead_letters() if "poison" in letter["Body"]]
    told = drop.dead_letter("readings/poison.csv")
    assert told["error_type"] == "FileRefusedError"
    assert "colour" in told["reason"]
    assert len([line for line in drop.logged("file not loaded") if "colour" in line["error"]]) == 3
    assert rows_of(query, "readings/poison.csv") == 0
