"""The state machine of exports as deployed, with its real steps and a stand-in for the delta."""

import itertools
import json

import pytest

from tests.exports_machine import await_true, deployed, write_packages
from utils.registry.claim import Claim, Lease
from utils.registry.records import Status

pytestmark = pytest.mark.timeout(180)
_serial = itertools.count(1)


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packages")
    return write_packages(folder, {"staff": 'key = ["id"]', "offices": 'key = ["id"]\nclosed_by = "_SUCCESS"'})


@pytest.fixture(scope="module")
def machine(packages):
    with deployed(packages) as made:
        yield made


@pytest.fixture
def tenant():
    """Return a tenant of the test's own, because all tests share one deployment."""
    return f"tenant{next(_serial)}"


@pytest.fixture
def staff(tenant):
    return f"{tenant}/staff"


def arrival(*keys):
    return {"Records": [{"eventName": "ObjectCreated:Put", "s3": {"object": {"key": key}}} for key in keys]}


def test_a_version_passes_the_four_steps_and_ends_as_succeeded(machine, staff, tenant):
    machine.write(f"{staff}/v1/staff.csv")

    execution = machine.run(staff, "v1")

    assert execution.status == "SUCCEEDED", execution.cause
    assert [name for name in execution.states if name in ("Register", "AcquireLock", "Delta", "Finish")] == [
        "Register",
        "AcquireLock",
        "Delta",
        "Finish",
    ]
    entry = machine.entry(staff, "v1")
    assert (entry.status, entry.counts, entry.execution) == (Status.SUCCEEDED, {"INSERT": 1}, f"{tenant}-staff-v1")
    assert machine.alerts(tenant) == []


def test_the_same_version_again_ends_at_once_and_well(machine, staff):
    machine.write(f"{staff}/v1/staff.csv")
    machine.run(staff, "v1")

    execution = machine.run(staff, "v1", "-again")

    assert (execution.status, execution.output) == ("SUCCEEDED", {"outcome": "succeeded"})
    assert "Delta" not in execution.states


def test_two_executions_for_one_table_serialise(machine, staff):
    for version in ("v1", "v2"):
        machine.write(f"{staff}/{version}/staff.csv", f"id\n{version}\n")
    machine.script(staff, "v1", wait=f"_go/{staff}")
    first = machine.start(staff, "v1")
    machine.await_object(f"_begun/{staff}/v1")
    second = machine.start(staff, "v2")
    await_true(lambda: machine.errors_of(second).count("LockHeldError") > 2, "the second waits")

    machine.write(f"_go/{staff}")

    assert [machine.follow(each).status for each in (first, second)] == ["SUCCEEDED"] * 2
    assert (machine.entry(staff, "v2").previous, machine.entry(staff, "v2").fence) == ("v1", 2)


@pytest.mark.parametrize("other", ["{}/offices", "other-{}/staff"])
def test_executions_for_other_tables_and_tenants_overlap(machine, staff, tenant, other):
    other = other.format(tenant)
    for series in (staff, other):
        machine.write(f"{series}/v1/rows.csv")
    # Each works until the other has begun, which it never would if they took turns.
    machine.script(staff, "v1", wait=f"_begun/{other}/v1")
    machine.script(other, "v1", wait=f"_begun/{staff}/v1")

    executions = [machine.start(series, "v1") for series in (staff, other)]

    assert [machine.follow(each).status for each in executions] == ["SUCCEEDED"] * 2


def test_a_failure_releases_the_lock_marks_the_version_and_is_told_with_its_cause(machine, staff, tenant):
    machine.write(f"{staff}/v1/staff.csv")
    machine.script(staff, "v1", error="DuplicateKeyError", message="id 7 comes twice")

    execution = machine.run(staff, "v1")

    assert (execution.status, execution.error) == ("FAILED", "DuplicateKeyError")
    assert execution.states[-4:] == ("MarkFailed", "IsCauseGiven", "NotifyFailure", "Failed")
    entry = machine.entry(staff, "v1")
    assert (entry.status, entry.cause) == (Status.FAILED, "DuplicateKeyError: id 7 comes twice")
    assert machine.head(staff).owner is None
    (alert,) = machine.alerts(tenant)
    for fact in (tenant, "staff", "v1", "DuplicateKeyError", "id 7 comes twice", ":execution:starlift-exports:"):
        assert fact in alert


def test_a_version_that_failed_is_begun_anew_by_starting_it_again(machine, staff):
    machine.write(f"{staff}/v1/staff.csv")
    machine.script(staff, "v1", error="DuplicateKeyError", message="id 7 comes twice")
    machine.run(staff, "v1")
    machine.script(staff, "v1")

    assert machine.run(staff, "v1", "-again").status == "SUCCEEDED"
    assert machine.entry(staff, "v1").attempts == 2


def test_an_undeclared_table_fails_at_once_named_and_told(machine, staff, tenant):
    execution = machine.run(f"{tenant}/cars", "v1")

    assert (execution.status, execution.error) == ("FAILED", "ExportRefusedError")
    assert "the project declares no table 'cars'; its tables are offices, staff" in execution.cause
    assert execution.states.count("Register") == 1
    assert len(machine.alerts(tenant)) == 1


def test_an_execution_without_a_version_fails_with_what_it_needs(machine, staff):
    execution = machine.run(staff, "")

    assert (execution.status, execution.error) == ("FAILED", "ConfigurationError")
    assert "The execution was started without its version" in execution.cause


def test_neither_a_lost_registry_nor_a_lost_topic_hides_the_first_cause(machine, staff):
    machine.write(f"{staff}/v1/staff.csv")
    machine.script(staff, "v1", wait=f"_go/{staff}", error="DuplicateKeyError", message="id 7 comes twice")
    execution = machine.start(staff, "v1")
    machine.await_object(f"_begun/{staff}/v1")

    with machine.without_registry_and_topic():
        machine.write(f"_go/{staff}")
        ended = machine.follow(execution)

    assert (ended.status, ended.error) == ("FAILED", "DuplicateKeyError")
    assert "id 7 comes twice" in ended.cause


def test_a_version_that_stopped_halfway_is_finished_by_the_next_execution(machine, staff, tenant):
    for version in ("v1", "v2"):
        machine.write(f"{staff}/{version}/staff.csv", f"id\n{version}\n")
    machine.script(staff, "v1", wait=f"_go/{staff}", error="StreamError", message="full")
    execution = machine.start(staff, "v1")
    machine.await_object(f"_begun/{staff}/v1")
    Lease(machine.registry, Claim(tenant, "staff", "v1", 1, 1, None, f"{tenant}-staff-v1")).begin()
    machine.write(f"_go/{staff}")
    assert machine.follow(execution).status == "FAILED"
    machine.script(staff, "v1")

    assert machine.run(staff, "v2").states.count("Delta") == 2

    assert [machine.entry(staff, version).status for version in ("v1", "v2")] == [Status.SUCCEEDED] * 2
    assert machine.entry(staff, "v2").previous == "v1"


def test_an_older_export_is_replayed_when_the_start_asks_for_it(machine, staff):
    for version in ("v1", "v2"):
        machine.write(f"{staff}/{version}/staff.csv", f"id\n{version}\n")
        machine.run(staff, version)

    execution = machine.run(staff, "v1", "-back", replay=True)

    assert (execution.status, execution.output["version"]["previous"]) == ("SUCCEEDED", "v2")
    assert machine.head(staff).succeeded == "v1"


def test_an_object_that_arrives_starts_one_execution_however_often_it_is_told(machine, staff, tenant):
    machine.write(f"{staff}/2026-01 münchen+1/staff.csv")
    key = f"{staff}/2026-01+m%C3%BCnchen%2B1/staff.csv"

    answers = [machine.invoke(arrival(key)) for _ in range(2)]
    (name,) = answers[0]["started"]
    machine.follow(f"arn:aws:states:eu-west-2:123456789012:execution:starlift-exports:{name}")
    answers.append(machine.invoke(arrival(key)))

    assert machine.executions(tenant) == {name: "SUCCEEDED"}
    assert answers[2]["started"] == []
    assert machine.entry(staff, "2026-01 münchen+1").status is Status.SUCCEEDED


def test_an_object_whose_execution_failed_starts_another_when_told_again(machine, staff, tenant):
    machine.write(f"{staff}/v1/staff.csv")
    machine.script(staff, "v1", error="DuplicateKeyError", message="id 7 comes twice")

    names = machine.invoke(arrival(f"{staff}/v1/staff.csv"))["started"]
    await_true(lambda: set(machine.executions(tenant).values()) == {"FAILED"}, "the first to fail")
    names += machine.invoke(arrival(f"{staff}/v1/staff.csv"))["started"]

    assert [name[-2:] for name in names] == ["-1", "-2"]


def test_what_arrives_where_no_export_belongs_is_refused_once_and_told(machine, tenant):
    body = json.dumps(arrival(f"{tenant}/cars/v1/cars.csv"))
    event = {"Records": [{"eventSource": "aws:sqs", "messageId": "m1", "body": body}]}

    assert machine.invoke(event) == {"started": [], "batchItemFailures": []}

    (alert,) = machine.alerts(tenant)
    assert "the project declares no table 'cars'" in alert
    assert machine.executions(tenant) == {}
