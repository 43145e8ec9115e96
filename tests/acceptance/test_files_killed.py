"""Kill loads of dropped files with SIGKILL at every side effect: the next delivery heals, as if nothing had been."""

import os
import signal

import pytest

from tests import file_processes
from tests.file_drops import READINGS, Drop, csv
from tests.processes import Blow

THOROUGH = "STARLIFT_TEST_THOROUGH" in os.environ
pytestmark = pytest.mark.timeout(600)
TABLES = {
    "straight": READINGS,
    "staged": f'mode = "upsert"\nkey = ["id"]\n{READINGS}',
    "plain": 'file_column = "source_file"\n[columns]\nid = { type = "integer" }\nmodel = { type = "text" }\n'
    'fuel = { type = "numeric(4,1)" }\n',
}


def rounds(number):
    """Return the content of each delivery: every one replaces some rows, and has rows of each fate."""
    return csv(
        (1, f"round {number}", 5), (2, "same", 6), (3, "bad", "x"), (number, "new", 99999), (10 + number, "n", 7)
    )


@pytest.fixture
def twins(make_database, tmp_path):
    return [Drop(make_database(), tmp_path / name) for name in ("undisturbed", "disturbed")]


def state(drop):
    columns = "key, version, outcome, rows_read, rows_copied, rows_rejected, rows_repeated, sequencer"
    rejected = sorted(map(str, drop.rejected()))
    return drop.rows(columns="id, model, fuel::text, source_file"), drop.ledger(columns), rejected


@pytest.mark.parametrize("table", TABLES)
def test_a_load_killed_at_a_side_effect_heals_at_the_next_delivery(twins, tmp_path, table):
    undisturbed, disturbed = (drop.declare(readings=TABLES[table]) for drop in twins)
    points, at = ["first"], 0

    while at < len(points):
        at += 1
        dropped = [drop.put("readings/a.csv", rounds(at)) for drop in twins]
        undisturbed.load(dropped[0])
        notes = tmp_path / f"notes{at}"
        child = file_processes.start(disturbed.url, disturbed.folder, dropped[1], notes, Blow(at))
        status = child.end()
        points = child.points if status == 0 else [*child.points, "more"]
        assert status in {0, -signal.SIGKILL}, child.points

        disturbed.load(dropped[1])
        assert state(disturbed) == state(undisturbed), child.points

    assert {point.partition(":")[0] for point in points} >= {"staging COPY", "ledger row", "commit", "quarantine file"}


def test_two_processes_with_one_file_load_it_once(twins, tmp_path):
    drop = twins[0].declare(readings=READINGS)
    for number in range(3):
        dropped = drop.put("readings/a.csv", rounds(number))
        children = [file_processes.start(drop.url, drop.folder, dropped, tmp_path / f"{number}-{n}") for n in range(3)]
        assert [child.end() for child in children] == [0, 0, 0]

    assert len(drop.ledger()) == 3
    assert len(drop.rows()) == 3


def test_a_worker_that_hangs_holds_up_only_its_own_file(twins, tmp_path):
    drop = twins[0].declare(readings=READINGS)
    drop.drop("readings/first.csv", rounds(1))
    slow = drop.put("readings/slow.csv", rounds(2))
    learnt = file_processes.start(drop.url, drop.folder, slow, tmp_path / "learnt")
    assert learnt.end() == 0
    slow, at = drop.put("readings/slow.csv", rounds(3)), learnt.points.index("ledger row: not sent") + 1

    child = file_processes.start(drop.url, drop.folder, slow, tmp_path / "slow", Blow(at, signal.SIGSTOP))
    assert child.wait_until_stopped()
    drop.drop("readings/other.csv", rounds(4))
    child.go_on()

    assert child.end() == 0
    assert [row[0] for row in drop.ledger("key")][-2:] == ["readings/other.csv", "readings/slow.csv"]
