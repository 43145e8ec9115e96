"""Workers killed at every side effect: the endpoint ends up with every record, once, and nothing is lost."""

import os
import signal

import pytest

from tests.delivery_factories import message
from tests.delivery_processes import Task, start_worker
from tests.processes import Blow

pytestmark = pytest.mark.timeout(180)

MESSAGES = (message("a", "b"), message("c", "bad", "d"))
LAPSED = 900 + 60 + 1  # seconds after which a killed worker's claims are free


@pytest.fixture(autouse=True)
def poison(world):
    world.sink.refused.add("bad")


@pytest.fixture
def work(world, tmp_path):
    """Return what runs a worker to its end or until it is killed, and the points that it reached."""

    def run_worker(kill_at):
        bodies = tuple(one.body for one in MESSAGES)
        task = Task(world.url, world.ledger, world.queue.url, os.environ["AWS_ENDPOINT_URL"], bodies)
        child = start_worker(task, tmp_path / "notes", Blow(kill_at))
        return child.end(), child.points

    return run_worker


POINTS = [
    "claim: not begun",
    "claim: done",
    "POST: not begun",
    "POST: done",
    "settle: not begun",
    "settle: done",
    "claim: not begun",
    "claim: done",
    "POST: not begun",  # all three records
    "POST: done",
    "POST: not begun",  # c
    "POST: done",
    "settle: not begun",
    "settle: done",
    "POST: not begun",  # bad and d
    "POST: done",
    "POST: not begun",  # bad
    "POST: done",
    "record aside: not begun",
    "record aside: done",
    "settle: not begun",
    "settle: done",
    "POST: not begun",  # d
    "POST: done",
    "settle: not begun",
    "settle: done",
]


def test_an_undisturbed_worker_has_these_side_effects(world, work):
    assert work(0) == (0, POINTS)
    assert world.times == {"a": 1, "b": 1, "c": 1, "d": 1}


# After one side effect is before the next; only after the last comes nothing.
@pytest.mark.parametrize("point", [*range(1, len(POINTS), 2), len(POINTS)])
def test_a_worker_killed_at_any_side_effect_leaves_nothing_lost_and_nothing_twice(world, work, point):
    status, points = work(point)
    assert (status, points) == (-signal.SIGKILL, POINTS[:point])
    known = set(world.times)

    assert set(world.deliver(*MESSAGES)) <= {one.id for one in MESSAGES}  # the claims hold: what is unsure waits
    world.clock.now += LAPSED
    assert world.deliver(*MESSAGES) == []

    assert world.held == ["a", "b", "c", "d"]
    twice = {one for one, times in world.times.items() if times > 1}
    assert twice <= (known if points[-1] == "settle: not begun" else set())
    assert len(world.queue.letters()) == (2 if points[-2:] == ["record aside: done", "settle: not begun"] else 1)
    assert world.ports().ledger.settled({"a", "b", "c", "d", "bad"}) == {"a", "b", "c", "d", "bad"}


def test_the_post_that_follows_a_kill_is_known_by_its_key(world, work):
    work(POINTS.index("POST: done") + 1)
    world.clock.now += LAPSED

    world.deliver(MESSAGES[0])

    assert world.keys[0] == world.keys[1]
    assert [post.new for post in world.sink.store.posts()] == [2, 0]
