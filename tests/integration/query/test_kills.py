"""Runs killed at every side effect: afterwards every record is in the queue, and the endpoint holds each once."""

import json
import signal

import pytest

from load.delivery.messages import Message
from tests.delivery_factories import delivery_world
from tests.ingest_factories import HOUR, NOON, reading
from tests.processes import Blow
from tests.query_processes import Task, start_query

pytestmark = pytest.mark.timeout(180)

NAMES = ["a", "b", "c", "d"]
POINTS = [
    "messages: not begun",
    "messages: done",
    "messages: not begun",
    "messages: done",
    "note: not begun",  # of the first hour
    "note: done",
    "note: not begun",  # of the second
    "note: done",
    *["mark: not begun", "mark: done"] * 3,  # after each stride of a first run that begins 101 hours ago
]


def queued_twice(points):
    """Return how many records were sent, two a message, without being noted, two a note."""
    sent, noted = (points.count(f"{step}: done") for step in ("messages", "note"))
    return 2 * max(0, sent - noted)


@pytest.fixture
def work(world, tmp_path):
    """Return what runs the query to its end or until it is killed, and the points that it reached."""
    for number, name in enumerate(NAMES):
        at = NOON - (100 + number // 2) * HOUR  # older than the overlap: a mark that moved too early would lose them
        world.post(reading(at, sensorId=name), at=at)

    def run_query(kill_at):
        task = Task(tmp_path / "lake", world.athena, world.services, world.queue, world.ledger)
        child = start_query(task, tmp_path / "notes", Blow(kill_at))
        return child.end(), child.points

    return run_query


def test_an_undisturbed_run_has_these_side_effects(world, work):
    assert work(0) == (0, POINTS)
    assert world.sensors() == NAMES


# After one side effect is before the next; only after the last comes nothing.
@pytest.mark.parametrize("point", [*range(1, len(POINTS), 2), len(POINTS)])
def test_a_run_killed_at_any_side_effect_leaves_nothing_lost_and_nothing_delivered_twice(
    world, work, tmp_path, monkeypatch, point
):
    assert work(point) == (-signal.SIGKILL, POINTS[:point])

    world.run()
    bodies = world.messages()

    assert world.run().records == 0
    assert sum(len(json.loads(body)["records"]) for body in bodies) == len(NAMES) + queued_twice(POINTS[:point])
    monkeypatch.setenv("AWS_ENDPOINT_URL", world.services)
    with delivery_world(tmp_path) as delivery:
        assert delivery.deliver(*(Message(str(number), body) for number, body in enumerate(bodies))) == []
        assert delivery.times == dict.fromkeys(delivery.held, 1)
        assert sorted(each["sensorId"] for each in delivery.sink.store.records()) == NAMES
