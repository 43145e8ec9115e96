"""Executions of one table that race, that are killed at their side effects, and that come too late."""

import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from extraction.exports.pipeline import acquire_lock, register_version
from tests.conftest import FAKE_AWS
from tests.export_factories import NOON, World, make_registry
from tests.export_runs import Order, Run, end, points_of, read_stream, start
from tests.fakes import Crash, Fuse
from utils.errors import LockHeldError, LockLostError
from utils.registry.claim import LEASE_SECONDS, SKEW_SECONDS, Claim
from utils.registry.records import Status

pytestmark = pytest.mark.timeout(180)
LATER = NOON + LEASE_SECONDS + SKEW_SECONDS
ROWS = "id\na\nb\nc\n"


@pytest.fixture(params=["sqlite", "dynamodb"])
def kind(request, dynamodb, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", dynamodb)
    return request.param


@pytest.fixture
def environment(dynamodb):
    return {**FAKE_AWS, "AWS_ENDPOINT_URL_DYNAMODB": dynamodb}


def make_world(kind, folder):
    folder.mkdir()
    world = World(folder / "exports", make_registry(kind, folder))
    for version in ("v1", "v2", "v3"):
        world.write(version, f"{ROWS}{version}\n")
    return world


def order(world, version, execution="", now=NOON, blow_at=0):
    return Order(
        world.folder,
        world.registry,
        world.folder.parent / "stream",
        version,
        execution or f"run-{version}",
        now,
        blow_at,
    )


def kill(world, at, environment):
    """End a run of v1 at its n-th side effect: by SIGKILL, or where a process would mostly wait for boto3, by Crash."""
    if world.registry.startswith("dynamodb"):
        fuse = Fuse(blow_at=at)
        with pytest.raises(Crash):
            Run(world, world.folder.parent / "stream", "v1", "run-v1", lambda _point: fuse.burn()).run()
        return
    assert end(start(order(world, "v1", blow_at=at), environment)) == -signal.SIGKILL


def run_together(world, versions, environment):
    """Run versions at the same time, each in an execution of its own: processes or, for the same reason, threads."""
    orders = [order(world, version, f"run-{number}") for number, version in enumerate(versions)]
    if world.registry.startswith("dynamodb"):
        with ThreadPoolExecutor(len(orders)) as pool:
            list(pool.map(Order.run, orders))
        return
    processes = [start(each, environment) for each in orders]
    assert [end(process) for process in processes] == [0] * len(versions)


def outcome(world):
    """Return what must be the same whatever happened on the way."""
    entries = world.ports.registry.entries("acme/staff")
    versions = [(entry.version, entry.status, entry.counts, entry.previous, entry.published) for entry in entries]
    head = world.ports.registry.head("acme/staff")
    return (
        versions,
        (head.succeeded, head.owner, head.publishing, head.open),
        read_stream(world.folder.parent / "stream"),
    )


def try_to_acquire(world, execution):
    try:
        return Claim.from_message(acquire_lock(world.request("v1", execution), world.ports))
    except LockHeldError:
        return None


def test_of_many_threads_one_gets_the_lock(kind, tmp_path):
    world = make_world(kind, tmp_path / "world")
    executions = [f"run-{number}" for number in range(8)]
    for execution in executions:
        register_version(world.request("v1", execution), world.ports)

    with ThreadPoolExecutor(8) as pool:
        claims = [claim for claim in pool.map(lambda each: try_to_acquire(world, each), executions) if claim]

    assert [claim.fence for claim in claims] == [1]
    assert world.entry("v1").execution == claims[0].execution


def test_of_many_threads_that_take_over_one_wins_each_time(kind, tmp_path):
    world = make_world(kind, tmp_path / "world")
    register_version(world.request("v1"), world.ports)
    for turn in range(1, 4):
        executions = [f"run-{turn}-{number}" for number in range(6)]
        with ThreadPoolExecutor(6) as pool:
            claims = [claim for claim in pool.map(lambda each: try_to_acquire(world, each), executions) if claim]

        assert [claim.fence for claim in claims] == [turn]
        world.clock.now += LEASE_SECONDS + SKEW_SECONDS


def test_runs_of_one_table_take_turns_in_order_of_version(kind, tmp_path, environment):
    world = make_world(kind, tmp_path / "world")
    for version in ("v1", "v2", "v3"):
        register_version(world.request(version), world.ports)

    run_together(world, ("v3", "v2", "v1", "v2"), environment)

    assert [world.entry(version).previous for version in ("v1", "v2", "v3")] == [None, "v1", "v2"]
    lines = (world.folder.parent / "stream").read_text().splitlines()
    assert len(lines) == len(read_stream(world.folder.parent / "stream")) == 12


def test_a_run_killed_at_any_side_effect_ends_as_if_nothing_had_been(kind, tmp_path, environment):
    twin = make_world(kind, tmp_path / "twin")
    points = list(points_of(Run(twin, tmp_path / "twin" / "stream", "v1", "run-v1")))
    assert points.count("registry: written") == 6
    assert points.count("stream: written") == 2

    # Of DynamoDB's only those before an effect: after it, the world is as before the next one.
    for at in range(1, len(points) + 1, 2 if kind == "dynamodb" else 1):
        world = make_world(kind, tmp_path / f"killed-at-{at}")
        kill(world, at, environment)

        order(world, "v1", "again", LATER).run()

        assert outcome(world) == outcome(twin), points[at - 1]


def test_a_later_version_goes_on_after_a_run_killed_at_any_side_effect(kind, tmp_path, environment):
    points = len(list(points_of(Run(make_world(kind, tmp_path / "twin"), tmp_path / "stream", "v1", "run-v1"))))

    for at in range(1, points + 1, 2):
        world = make_world(kind, tmp_path / f"killed-at-{at}")
        kill(world, at, environment)

        order(world, "v2", "next", LATER).run()

        begun = world.entry("v2").previous == "v1"
        assert world.entry("v2").status is Status.SUCCEEDED
        stream = read_stream(world.folder.parent / "stream")
        # Either the stream got nothing of the killed version, or all of it before the next one.
        assert [row for _, _, row in stream] == (["a", "b", "c", "v1"] if begun else []) + ["a", "b", "c", "v2"]


def test_a_late_owner_stops_and_leaves_the_version_to_the_one_that_took_over(kind, tmp_path):
    world = make_world(kind, tmp_path / "world")
    stream = world.folder.parent / "stream"
    seen = []

    def take_over(point):
        seen.append(point)
        if point == "stream: written" and seen.count(point) == 1:
            order(world, "v1", "second", LATER).run()

    with pytest.raises(LockLostError):
        Run(world, stream, "v1", "run-v1", take_over).run()

    assert (world.entry("v1").status, world.entry("v1").execution) == (Status.SUCCEEDED, "second")
    assert [row for _, _, row in read_stream(stream)] == ["a", "b", "c", "v1"]


def test_a_late_owner_that_had_not_begun_to_publish_publishes_nothing(kind, tmp_path):
    world = make_world(kind, tmp_path / "world")
    stream = world.folder.parent / "stream"
    register_version(world.request("v1"), world.ports)
    late = Claim.from_message(acquire_lock(world.request("v1"), world.ports))
    order(world, "v2", now=LATER).run()

    with pytest.raises(LockLostError):
        Run(world, stream, "v1", "run-v1").publish(late, replace(world.ports))

    assert {version for _, _, version in read_stream(stream)} == {"a", "b", "c", "v2"}
    assert world.statuses() == {"v1": Status.SUPERSEDED, "v2": Status.SUCCEEDED}
