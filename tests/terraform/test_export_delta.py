"""Full exports, deployed to the second emulated AWS: from an object to the target's row, and all that goes wrong between."""

import json
import re
import shutil

import pytest
from typer.testing import CliRunner

from cli.main import app
from load.changes.wiring import TARGET
from local.build_target import here
from local.packages import Build, build_packages
from tests.conftest import run_on_server
from tests.emulator import why_not
from tests.terraform.calls import Right
from tests.terraform.deployment import login, planned_changes
from tests.terraform.emulated import until
from tests.terraform.exports import MAX_RETRIES, deployed_exports
from tests.terraform.filter_pattern import matches
from tests.terraform.inspection import alarms, boundary_of, filter_of, remaining_buckets
from tests.terraform.policies import allows, allows_action, unused
from tests.terraform.program import CONFIGURATION
from tests.terraform.test_deployment import ONLY_HERE
from utils.postgres.connection import connect
from utils.postgres.url import parse_url

pytestmark = pytest.mark.timeout(900)
FUNCTIONS = ("exports", "delta", "changes")
TABLES = {"orders": 'key = ["id"]\n', "parts": 'key = ["id"]\nclosed_by = "_SUCCESS"\n'}
TARGETS = "CREATE TABLE {} (id integer PRIMARY KEY, item text, price numeric(8,2) CHECK (price >= 0))"
HEADER = "id,item,price\n"
V1 = HEADER + "1,pen,1.50\n2,ink,2.00\n3,pad,3.00\n"
V2 = HEADER + "1,pen,1.75\n2,ink,2.00\n4,cap,4.00\n"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project") / "totesys"
    (folder / "exports").mkdir(parents=True)
    (folder / "pipeline.toml").write_text('name = "totesys"\n')
    for name, text in TABLES.items():
        (folder / f"exports/{name}.toml").write_text(text)
    return folder


@pytest.fixture(scope="module")
def packages(tmp_path_factory, project):
    """Return a folder with the functions' zips, and the project in them."""
    folder = tmp_path_factory.mktemp("packages")
    build = Build(here(), project, say=lambda _line: None, functions=folder)
    for package in build_packages(build, FUNCTIONS).values():
        shutil.copy(package.layer, folder)
    return folder


@pytest.fixture(scope="module")
def target(postgres_server):
    run_on_server(postgres_server, "CREATE DATABASE terraform_exports")
    url = postgres_server.url("terraform_exports")
    with connect(parse_url(url), TARGET) as session:
        for name in TABLES:
            session.run(TARGETS.format(name))
    yield url
    run_on_server(postgres_server, "DROP DATABASE terraform_exports WITH (FORCE)")


@pytest.fixture(scope="module")
def deployment(tmp_path_factory, packages):
    if why := why_not():
        pytest.skip(f"Full exports are not tested: {why}.")
    with deployed_exports(tmp_path_factory.mktemp("deployment"), packages) as found:
        yield found


@pytest.fixture(scope="module")
def exports(deployment, target):
    """Return full exports in use: the function that applies changes may log in."""
    deployment.put_secret("exports", login(target))
    return deployment


@pytest.fixture
def query(target):
    """Return a function that asks the target and returns its rows."""
    with connect(parse_url(target), TARGET) as session:
        yield lambda statement: [list(row) for row in session.run(statement) or ()]


@pytest.fixture
def starlift(exports, project, target, monkeypatch):
    """Return a function that does to the exports what a person does, and returns what showed."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", exports.aws.endpoint)
    monkeypatch.setenv("STARLIFT_REGISTRY", exports.outputs["exports_registry"])
    monkeypatch.setenv("STARLIFT_EXPORTS", exports.outputs["exports"])

    def run(*words):
        done = CliRunner().invoke(app, ["exports", *words])
        assert done.exit_code == 0, (done.output, done.exception)
        return done.stdout

    def resync(series):
        return run("resync", series, "--project", str(project), "--warehouse", target, "--yes")

    run.resync = resync
    return run


def rows(query, table="orders"):
    return query(f"SELECT id, item, price::text FROM {table} ORDER BY id")


def test_a_first_export_is_inserted_into_its_target(exports, query):
    exports.write("acme/orders/2026-11-01/orders.csv.gz", V1)

    assert exports.execution("2026-11-01")["status"] == "SUCCEEDED"
    assert exports.entry("2026-11-01").counts["inserted"] == 3
    until(lambda: rows(query) == [[1, "pen", "1.50"], [2, "ink", "2.00"], [3, "pad", "3.00"]])


def test_the_next_export_updates_inserts_and_deletes(exports, query):
    exports.write("acme/orders/2026-11-02/orders.csv.gz", V2)

    entry = exports.entry("2026-11-02")
    assert {name: entry.counts[name] for name in ("inserted", "updated", "deleted", "unchanged")} == {
        "inserted": 1,
        "updated": 1,
        "deleted": 1,
        "unchanged": 1,
    }
    until(lambda: rows(query) == [[1, "pen", "1.75"], [2, "ink", "2.00"], [4, "cap", "4.00"]])


def test_an_export_of_several_files_waits_for_the_one_that_closes_it(exports, query):
    exports.write("acme/parts/v 1+1/a.csv.gz", HEADER + "1,nut,0.10\n")
    exports.write("acme/parts/v 1+1/b.csv", HEADER + "2,bolt,0.20\n")
    exports.write("acme/parts/v 1+1/_SUCCESS", "")

    assert exports.entry("v 1+1", "parts").files == 2
    until(lambda: rows(query, "parts") == [[1, "nut", "0.10"], [2, "bolt", "0.20"]])
    assert len(exports.logged_by("exports", "export arrived")) == 3  # of which two are of the other table


def test_an_older_export_is_refused_and_changes_nothing(exports, query):
    exports.write("acme/orders/2026-10-31/orders.csv.gz", V1)

    ended = exports.execution("2026-10-31")
    assert (ended["status"], ended["error"]) == ("FAILED", "ExportOutdatedError")
    assert exports.registry.entry("acme/orders", "2026-10-31") is None
    assert exports.registry.head("acme/orders").succeeded == "2026-11-02"
    assert [row[0] for row in rows(query)] == [1, 2, 4]


def test_a_broken_export_fails_is_marked_and_told_of_with_its_cause(exports):
    exports.alerts()
    exports.write("acme/orders/2026-11-03/orders.csv.gz", HEADER + "1,pen,1.75\n1,pen,2.00\n")

    assert exports.execution("2026-11-03")["status"] == "FAILED"
    entry = exports.entry("2026-11-03")
    assert (entry.status, entry.cause.partition(":")[0]) == ("failed", "DuplicateKeyError")
    assert exports.registry.head("acme/orders").owner is None
    (alert,) = until(exports.alerts)
    assert alert["Subject"] == "Starlift: an export failed"
    assert "2026-11-03" in alert["Message"]
    assert "DuplicateKeyError" in alert["Message"]


def test_what_is_no_export_is_refused_with_an_alert_and_not_tried_again(exports):
    exports.alerts()
    exports.write("acme/nowhere/v1/a.csv", "id\n1\n")

    (alert,) = until(exports.alerts)
    assert alert["Subject"] == "Starlift: an export was refused"
    assert "exports/nowhere.toml" in alert["Message"]
    pattern, _ = filter_of(exports, "exports")
    assert [line for line in exports.lines_of("exports") if matches(pattern, line)]


def test_a_change_that_the_target_refuses_is_set_aside_and_the_others_are_applied(exports, query):
    exports.write("acme/orders/2026-11-04/orders.csv.gz", V2 + "5,lid,-5.00\n6,box,6.00\n7,bag,7.00\n8,tag,8.00\n")
    assert exports.entry("2026-11-04").counts["inserted"] == 4

    (refused,) = until(exports.refused)
    (record,) = json.loads(refused["payload"])["Records"]
    assert refused["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert refused["requestContext"]["approximateInvokeCount"] == MAX_RETRIES + 1
    until(lambda: [row[0] for row in rows(query)] == [1, 2, 4, 6, 7, 8])
    told = exports.logged_by("changes", "change refused")
    assert {line["record"] for line in told} == {record["kinesis"]["sequenceNumber"]}
    assert "-5.00" not in json.dumps(told)


def test_a_resync_mends_what_was_set_aside_once_the_target_takes_it(exports, query, starlift):
    query("ALTER TABLE orders DROP CONSTRAINT orders_price_check")

    assert "1 missing, 0 different, 0 not in the export" in starlift.resync("acme/orders")
    assert [5, "lid", "-5.00"] in rows(query)
