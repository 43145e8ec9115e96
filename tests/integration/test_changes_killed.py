"""Kill deliveries with SIGKILL at every side effect: the next leaves the target as an undisturbed one would."""

import signal
import time

import pytest

from tests.changes_factories import deleted, written
from tests.changes_processes import start_delivery
from tests.processes import Blow

pytestmark = pytest.mark.timeout(600)
EARLIER = [written("1"), written("2", sequence=2), written("3", sequence=3)]


def delivery(order):
    """Return changes that update, delete, bring back and insert, each time others."""
    return [
        written("1", order, 1, item=f"item {order}"),
        deleted("2", order, 2) if order % 2 else written("2", order, 2),
        written(str(order), order, 3),
        deleted("3", order, 4),
    ]


def wait_until_gone(target):
    """Wait until the server has noticed that the killed process is gone, and rolled back."""
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    while target.ask(others) != [[0]]:
        time.sleep(0.01)


def points_of_a_delivery(target, notes):
    child = start_delivery(target, delivery(10), notes)
    assert child.end() == 0
    return child.points


def test_a_delivery_killed_at_any_side_effect_is_whole_once_it_comes_again(target, tmp_path):
    target.apply(*EARLIER)
    points = points_of_a_delivery(target, tmp_path / "notes")
    assert {"staging COPY: half sent", "merge: done", "commit: not sent", "commit: done"} <= set(points)

    for at in range(1, len(points) + 1):
        changes, before = delivery(10 + at), target.rows()
        killed = start_delivery(target, changes, tmp_path / f"notes-{at}", Blow(at))
        assert killed.end() == -signal.SIGKILL
        wait_until_gone(target)
        half_way = target.rows()
        target.apply(*changes)

        assert half_way == (target.rows() if "commit: done" in killed.points else before)
        assert expected(10 + at) == [row[:2] for row in target.rows()]


def expected(order):
    """Return the rows that all deliveries up to this one leave, each delivered once."""
    second = [] if order % 2 else [[2, "pen"]]
    return [[1, f"item {order}"], *second, *([key, "pen"] for key in range(10, order + 1))]


def test_the_first_delivery_of_all_killed_while_it_creates_its_tables_is_whole_once_it_comes_again(target, tmp_path):
    for at in range(1, 6):
        killed = start_delivery(target, EARLIER, tmp_path / f"notes-{at}", Blow(at))
        assert killed.end() == -signal.SIGKILL
        wait_until_gone(target)

    target.apply(*EARLIER)

    assert target.names() == [1, 2, 3]
