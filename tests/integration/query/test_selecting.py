"""What a run selects, queues, and leaves out."""

from datetime import timedelta

import pytest

from tests.ingest_factories import HOUR, NOON, reading
from tests.query_factories import OVERLAP
from utils.delivered.ledger import Outcome
from utils.delivered.open_ledger import open_ledger

pytestmark = pytest.mark.timeout(120)

DAY = timedelta(days=1)
LATER = NOON + HOUR
WHOLE = {"from": "2024-05-01T00:00:00Z", "until": "2024-06-01T00:00:00Z"}


def sent(name, at=NOON - HOUR, **changes):
    return reading(at, sensorId=name, **changes)


def test_a_reading_is_queued_in_celsius_with_its_origin(world):
    world.post(sent("a", rawTemperature=98.6))

    world.run()

    (record,) = world.queued()
    assert record.pop("objectKey").startswith("raw/year=2024/month=05/day=17/hour=11/")
    assert len(record.pop("id")) == 36
    when = "2024-05-17T11:30:00.000000000Z"
    assert record == {"sensorId": "a", "temperature": 37.0, "humidity": 40.0, "timestamp": when}


@pytest.mark.parametrize(("fahrenheit", "celsius"), [(-40, -40.0), (0, -17.78), (70.1, 21.17), (212.5, 100.28)])
def test_temperatures_are_rounded_to_two_decimals(world, fahrenheit, celsius):
    world.post(sent("a", rawTemperature=fahrenheit))

    world.run()

    assert [record["temperature"] for record in world.queued()] == [celsius]


def test_a_reading_outside_the_projects_range_is_not_queued(world):
    world.post(
        sent("cold", rawTemperature=-40.01), sent("hot", rawTemperature=257.01), sent("least", rawTemperature=-40)
    )

    world.run()

    assert world.sensors() == ["least"]


def test_the_next_run_queues_only_what_came_since(world):
    world.post(sent("a"))
    world.run()
    world.now = LATER
    world.post(sent("b", at=NOON))

    found = world.run()

    assert (found.records, found.settled) == (1, 0)
    assert world.sensors() == ["a", "b"]


def test_a_late_record_is_queued_by_the_next_run(world):
    world.post(sent("a"))
    world.run()
    world.now = LATER
    world.post(sent("late", at=NOON - timedelta(hours=22)))

    world.run()

    assert world.sensors() == ["a", "late"]


def test_a_record_as_late_as_ingest_takes_it_is_queued(world):
    world.post(sent("first"))
    world.run()
    world.now = NOON + timedelta(seconds=900)  # the longest between a record's acceptance and its object
    world.post(sent("late", at=NOON - DAY), at=NOON)

    world.run()

    assert "late" in world.sensors()


def test_a_run_reads_from_the_overlap_before_the_mark_until_now(world):
    world.post(sent("a"))
    world.run()
    world.now = LATER

    found = world.run()

    assert (found.window.start, found.window.end) == (NOON - OVERLAP, LATER)
    assert world.mark() == LATER


def test_the_first_run_reads_from_the_oldest_record(world):
    world.post(sent("old", at=NOON - 40 * DAY), at=NOON - 40 * DAY)
    world.post(sent("new"))

    world.run()

    assert world.sensors() == ["new", "old"]


def test_a_reading_of_the_next_minutes_is_queued_when_its_time_has_come(world):
    world.post(sent("ahead", at=NOON + timedelta(seconds=200)))
    world.run()
    assert world.sensors() == []
    world.now = LATER

    world.run()

    assert world.sensors() == ["ahead"]


def test_a_mark_ahead_of_the_clock_is_no_reason_to_skip_records(world):
    world.now = NOON + 3 * HOUR
    world.post(sent("a"))
    world.run()
    world.now = NOON
    world.post(sent("b", at=NOON - DAY))

    world.run()

    assert world.sensors() == ["a", "b"]


def test_before_anything_was_posted_nothing_is_asked(world):
    found = world.run()

    assert (found.window, found.records, world.faults.calls) == (None, 0, [])


def test_an_empty_answer_moves_the_mark(world):
    world.post(sent("cold", rawTemperature=-400))

    found = world.run()

    assert (found.records, found.messages, world.messages()) == (0, 0, [])
    assert world.mark() == NOON


def test_a_reading_posted_twice_is_queued_once(world):
    world.post(sent("a"), sent("b"))
    world.post(sent("b"), sent("c"))

    world.run()

    assert world.sensors() == ["a", "b", "c"]


@pytest.mark.parametrize("outcome", Outcome)
def test_what_the_ledger_knows_is_not_queued(world, outcome):
    world.post(sent("a"), sent("b"))
    world.run()
    first, *_ = (record["id"] for record in world.queued())
    world.ports().ledger.settle({first}, outcome)

    found = world.run({**WHOLE, "again": True})

    assert (found.records, found.settled) == (1, 1)
    assert first not in {record["id"] for record in world.queued()}


def test_what_the_ledger_knows_and_no_note_is_noted_so_that_nobody_asks_the_ledger_for_ever(world):
    world.post(sent("a"))
    world.run()
    world.ports().ledger.settle({record["id"] for record in world.queued()}, Outcome.DELIVERED)
    for note in list(world.store.list("queued/")):
        world.store.delete(note.key)
    assert world.run(WHOLE).settled == 1
    forgetful = open_ledger(f"{world.ledger}-after-a-month")

    assert world.run(WHOLE, ledger=forgetful).records == 0


def test_a_range_finds_records_that_are_older_than_the_overlap_and_leaves_the_mark(world):
    world.post(sent("a"))
    world.run()
    world.post(sent("forgotten", at=NOON - 3 * DAY), at=NOON - 3 * DAY)
    world.run()
    assert world.sensors() == ["a"]

    world.run(WHOLE)

    assert world.sensors() == ["forgotten"]
    assert world.mark() == NOON


def test_a_range_ends_before_its_end(world):
    world.post(sent("a", at=NOON), sent("b", at=NOON + timedelta(microseconds=1)))

    world.run({"from": "2024-05-17T12:00:00Z", "until": "2024-05-17T14:30:00.000001+02:00"})

    assert world.sensors() == ["a"]


def test_what_is_queued_is_queued_again_only_when_asked_for(world):
    world.post(sent("a"))
    world.run()
    assert world.run(WHOLE).records == 0

    assert world.run({**WHOLE, "again": True}).records == 1
    assert world.sensors() == ["a", "a"]


def test_a_range_may_come_with_other_parameters(world):
    world.post(sent("mild", rawTemperature=68), sent("hot", rawTemperature=212))

    world.run({**WHOLE, "parameters": {"max_temperature": 30}})

    assert world.sensors() == ["mild"]


def test_partitions_outside_the_window_are_not_read(world):
    for hours in range(1, 101):
        world.post(sent("a", at=NOON - hours * HOUR), at=NOON - hours * HOUR)
    world.run()
    world.now = NOON + timedelta(minutes=5)

    world.run()
    world.run({"from": "2024-05-17T10:00:00Z", "until": "2024-05-17T11:00:00Z"})

    # At first 50 hours at a time, of which 25 were read before and are noted, and half an hour's rest. Then records and
    # notes: 25 hours of each from 11:30 on, that hour's with them; then one of each.
    assert world.faults.objects_opened == [50, 50 + 25, 50 + 25, 2 * 25, 2 * 25, 2 * 1]
