import json
import logging
from dataclasses import dataclass, field
from urllib.parse import quote_plus

import pytest

from extraction.exports.arrival import arrive
from extraction.exports.executions import execution_name
from extraction.exports.ports import ArrivalPorts
from extraction.exports.versions import rank
from tests.export_factories import STAFF, World
from utils.errors import AccessDeniedError, ExportRefusedError, PipelineError, ServiceUnavailableError
from utils.export_table import ExportTable, ExportVersion, Format


@dataclass
class Executions:
    """Notes what would be started, or fails as the service does."""

    started: list = field(default_factory=list)
    failure: type[PipelineError] | None = None

    def start(self, version: ExportVersion, content: str) -> str:
        if self.failure:
            raise self.failure
        self.started.append(version)
        return execution_name(version, content, 1)


@dataclass
class Alerts:
    sent: list = field(default_factory=list)

    def send(self, subject: str, message: str) -> None:
        self.sent.append((subject, message))


@pytest.fixture
def world(tmp_path):
    return World(tmp_path / "exports", str(tmp_path / "registry"))


@pytest.fixture
def executions():
    return Executions()


@pytest.fixture
def alerts():
    return Alerts()


@pytest.fixture
def tell(world, executions, alerts):
    """Return a function that tells of events to a project with one table, which may be declared otherwise."""

    def told(event, **settings):
        ports = world.having(**settings).ports
        return arrive(event, ArrivalPorts(ports.tables, ports.exports, executions, alerts))

    return told


def s3_event(*keys, name="ObjectCreated:Put"):
    return {"Records": [{"eventName": name, "s3": {"object": {"key": quote_plus(key, safe="/")}}} for key in keys]}


def sqs_event(**bodies):
    records = [
        {"eventSource": "aws:sqs", "messageId": name, "body": body if isinstance(body, str) else json.dumps(body)}
        for name, body in bodies.items()
    ]
    return {"Records": records}


def eventbridge_event(key):
    return {"detail-type": "Object Created", "detail": {"object": {"key": key}}}


@pytest.mark.parametrize("version", ["2026-01-01", "with space", "a+b", "münchen ☃", "50%2F50", "{}'\""])
def test_a_key_is_read_as_it_was_written(world, tell, executions, version):
    world.write(version, tenant="café & co")

    tell(s3_event(f"café & co/staff/{version}/staff.csv"))

    assert executions.started == [ExportVersion("café & co", "staff", version)]


def test_eventbridge_tells_keys_that_are_not_encoded(world, tell, executions):
    world.write("50%2B+1")

    tell(eventbridge_event("acme/staff/50%2B+1/staff.csv"))

    assert executions.started == [ExportVersion("acme", "staff", "50%2B+1")]


@pytest.mark.parametrize(
    "key",
    [
        "staff.csv",
        "acme/staff/staff.csv",
        "acme/staff/v1/part/staff.csv",
        "acme//v1/staff.csv",
        "acme/staff/../staff.csv",
        "acme/staff/v\n1/staff.csv",
        "acme/staff/v1/staff.xlsx",
        "acme/cars/v1/cars.csv",
    ],
)
def test_what_belongs_to_no_table_is_refused_with_its_key_told_once_and_not_tried_again(tell, executions, alerts, key):
    answer = tell(sqs_event(m1=s3_event(key)))

    assert (answer["started"], answer["batchItemFailures"], executions.started) == ([], [], [])
    ((subject, message),) = alerts.sent
    assert (subject, message.startswith(f"{key}: ")) == ("Starlift: an export was refused", True)


def test_what_is_refused_is_logged_as_critical(tell, caplog):
    tell(s3_event("acme/cars/v1/cars.csv"))

    (record,) = [record for record in caplog.records if record.levelno == logging.CRITICAL]
    assert (record.key, record.error_type) == ("acme/cars/v1/cars.csv", "ExportRefusedError")


def test_one_refused_object_does_not_keep_its_neighbours_out(world, tell, executions):
    world.write("v1")

    tell(sqs_event(bad=s3_event("nowhere.csv"), good=s3_event("acme/staff/v1/staff.csv")))

    assert [version.version for version in executions.started] == ["v1"]


@pytest.mark.parametrize(
    "key", ["acme/", "acme/staff/v1/", "acme/staff/v1/_committed_7", "acme/staff/v1/.staff.csv.crc"]
)
def test_folders_and_what_accompanies_files_start_nothing_and_are_no_mistake(tell, executions, alerts, key):
    tell(s3_event(key))

    assert (executions.started, alerts.sent) == ([], [])


def test_files_of_a_version_that_an_object_closes_wait_for_it(world, tell, executions):
    for file in ("a.csv", "b.csv.gz"):
        world.write("v1", file, file)

    tell(s3_event("acme/staff/v1/a.csv", "acme/staff/v1/b.csv.gz"), closed_by="_SUCCESS")
    assert executions.started == []
    world.write("v1", "-", "_SUCCESS")
    tell(s3_event("acme/staff/v1/_SUCCESS"), closed_by="_SUCCESS")

    assert [version.version for version in executions.started] == ["v1"]


def test_a_file_that_arrives_after_the_closing_object_is_told_as_other_content(world, tell):
    for file in ("a.csv", "_SUCCESS"):
        world.write("v1", file, file)
    first = tell(s3_event("acme/staff/v1/_SUCCESS"), closed_by="_SUCCESS")["started"]
    same = tell(s3_event("acme/staff/v1/a.csv"), closed_by="_SUCCESS")["started"]
    world.write("v1", "late", "b.csv")

    late = tell(s3_event("acme/staff/v1/b.csv"), closed_by="_SUCCESS")["started"]

    assert same == first
    assert len(late) == 1
    assert late != first


def test_the_closing_object_again_means_the_same_content(world, tell):
    for file in ("a.csv", "_SUCCESS"):
        world.write("v1", file, file)
    first = tell(s3_event("acme/staff/v1/_SUCCESS"), closed_by="_SUCCESS")["started"]
    world.write("v1", "written again", "_SUCCESS")

    assert tell(s3_event("acme/staff/v1/_SUCCESS"), closed_by="_SUCCESS")["started"] == first


def test_other_content_of_a_version_starts_an_execution_of_its_own(world, tell):
    world.write("v1", "one")
    first = tell(s3_event("acme/staff/v1/staff.csv"))["started"]
    world.write("v1", "two")

    assert tell(s3_event("acme/staff/v1/staff.csv"))["started"] != first


def test_a_closing_object_without_files_is_refused(world, tell, alerts):
    world.write("v1", "-", "_SUCCESS")

    tell(s3_event("acme/staff/v1/_SUCCESS"), closed_by="_SUCCESS")

    assert "holds no file" in alerts.sent[0][1]


@pytest.mark.parametrize("failure", [ServiceUnavailableError, AccessDeniedError])
def test_a_message_whose_start_failed_comes_again_alone(world, tell, executions, failure):
    world.write("v1")
    executions.failure = failure

    answer = tell(sqs_event(m1=s3_event("acme/staff/v1/staff.csv"), m2=s3_event("acme/staff/v1/")))

    assert answer["batchItemFailures"] == [{"itemIdentifier": "m1"}]


def test_a_start_that_failed_without_a_queue_fails_the_call_so_that_it_is_tried_again(world, tell, executions):
    world.write("v1")
    executions.failure = ServiceUnavailableError

    with pytest.raises(ServiceUnavailableError):
        tell(s3_event("acme/staff/v1/staff.csv"))


@pytest.mark.parametrize(
    "event", [{"Event": "s3:TestEvent"}, s3_event("acme/staff/v1/a.csv", name="ObjectRemoved:Delete")]
)
def test_events_that_tell_of_no_new_object_start_nothing(tell, executions, alerts, event):
    tell(sqs_event(m1=event))

    assert (executions.started, alerts.sent) == ([], [])


@pytest.mark.parametrize("body", ["no JSON", "[]", {"Records": [{}]}, {"hello": 1}, {"detail": {}}])
def test_a_message_that_is_no_event_is_refused_and_does_not_come_again(world, tell, executions, alerts, body):
    world.write("v1")

    answer = tell(sqs_event(bad=body, good=s3_event("acme/staff/v1/staff.csv")))

    assert answer["batchItemFailures"] == []
    assert len(executions.started) == 1
    assert "Only S3 may send here" in alerts.sent[0][1]


def test_parquet_is_refused_where_csv_is_declared_and_read_where_parquet_is(world, tell, executions, alerts):
    world.write("v1", file="staff.parquet")

    tell(s3_event("acme/staff/v1/staff.parquet"))
    tell(s3_event("acme/staff/v1/staff.parquet"), format=Format.PARQUET)

    assert (len(alerts.sent), len(executions.started)) == (1, 1)


def test_names_of_executions_are_what_step_functions_takes():
    version = ExportVersion("café & co", "staff", "2026/01 " * 30)

    name = execution_name(version, "content", 1)

    assert len(name) <= 80
    assert name.replace("-", "").isascii()
    assert name.replace("-", "").isalnum()


def test_names_of_executions_differ_where_versions_do():
    long = "2026-" * 20
    names = {
        execution_name(ExportVersion("a", "b", version), "c", 1) for version in (f"{long}1", f"{long}2", "a.b", "a_b")
    }

    assert len(names) == 4


@pytest.mark.parametrize(
    ("pattern", "versions"),
    [
        (None, ["2026-01-01", "2026-01-02", "a", "ä"]),
        ("v([0-9]+)", ["v2", "v10", "v11"]),
        (r"(\d+)\.(\d+)(-rc)?", ["1.2", "1.2-rc", "1.10", "2.0"]),
        (r".*_(\d{4})(\d{2})", ["b_202512", "a_202601"]),
        ("v([0-9]+)", ["v01", "v1", "v2"]),
    ],
)
def test_versions_are_ordered_as_declared(pattern, versions):
    table = ExportTable("t", ("id",), STAFF.target, version_pattern=pattern)

    assert sorted(set(versions), key=lambda version: rank(version, table)) == versions


def test_a_version_without_a_place_among_the_others_is_refused():
    table = ExportTable("t", ("id",), STAFF.target, version_pattern="v([0-9]+)")

    with pytest.raises(ExportRefusedError, match="does not match version_pattern"):
        rank("v1-final", table)
