"""A day of a five-minute schedule over a long log costs each run what it cost over a short one: all of it counted.

STARLIFT_ENDURANCE_RUNS=288 and STARLIFT_ENDURANCE_BATCHES=100000 make it the whole day over a year's log; `make bench`
measures that day's seconds and memory.
"""

import math
import os
import time
from collections import Counter
from dataclasses import dataclass, replace

import boto3
import pytest
from moto import mock_aws

from local.warehouse.standing import read_standing
from tests.conftest import run_on_server
from tests.long_log import lengthen
from tests.schedule import Cost, Schedule, make_schedule, moment, open_handles
from utils.batch_log import HINT, LandingLog
from utils.s3_store import S3Store

pytestmark = pytest.mark.timeout(3600)

RUNS = int(os.environ.get("STARLIFT_ENDURANCE_RUNS", "12"))
SHORT, LONG = 10, int(os.environ.get("STARLIFT_ENDURANCE_BATCHES", "2000"))
SHORT_BUCKET, LONG_BUCKET = 10, 100  # the emulated bucket takes its time
LEDGER_READS = """
SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relid = 'starlift.ledger'::regclass
"""
OTHERS = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@dataclass(frozen=True)
class Day:
    """One day's runs over a log of some length."""

    schedule: Schedule
    length: int
    costs: list[Cost]
    ledger_reads: int
    handles: list[tuple[int, int]]  # open after each run


def read_ledger_reads(schedule):
    """Return how many ledger rows all sessions have read so far; a session tells when it ends."""
    for _ in range(100):
        if schedule.world.ask_warehouse(OTHERS) == [[0]]:
            break
        time.sleep(0.1)
    return schedule.world.ask_warehouse(LEDGER_READS)[0][0]


def spend_day(schedule, length):
    schedule.run()
    lengthen(schedule, length)
    costs, handles, before = [], [], read_ledger_reads(schedule)
    for _ in range(RUNS):
        costs.append(schedule.run_edited())
        handles.append(open_handles())
    return Day(schedule, length, costs, read_ledger_reads(schedule) - before, handles)


@pytest.fixture(scope="module")
def databases(postgres_server):
    names = [f"endurance_{os.getpid()}_{number}" for number in range(4)]
    for name in names:
        run_on_server(postgres_server, f"CREATE DATABASE {name} TEMPLATE template0")
    yield [postgres_server.url(name) for name in names]
    for name in names:
        run_on_server(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def days(databases, tmp_path_factory):
    places = [tmp_path_factory.mktemp("short"), tmp_path_factory.mktemp("long")]
    schedules = [make_schedule(place, *databases[2 * at : 2 * at + 2]) for at, place in enumerate(places)]
    return [spend_day(schedule, length) for schedule, length in zip(schedules, (SHORT, LONG), strict=True)]


def test_each_run_of_a_day_asks_the_store_the_same_however_long_the_log_is(days):
    kinds = {frozenset(cost.calls.items()) for day in days for cost in day.costs}

    assert len(kinds) == 1, kinds


def test_no_run_lists_anything(days):
    assert not [cost.batch for day in days for cost in day.costs if cost.calls["list"]]


def test_a_day_over_a_long_log_leaves_a_gapless_ledger_and_exact_versions(days):
    for day in days:
        assert [cost.batch for cost in day.costs] == list(range(day.length + 1, day.length + RUNS + 1))
        day.schedule.assert_correct()
    assert len(days[1].schedule.versions[2]) == RUNS + 1, "each run edits that sale"


def test_each_run_looks_at_the_end_of_the_ledger_only(days):
    assert days[1].ledger_reads <= 4 * RUNS


def test_runs_leave_neither_descriptor_nor_thread_behind(days):
    assert days[1].handles[-1] == days[1].handles[1]


def test_quiet_runs_ask_the_same_however_long_the_log_is(days):
    quiet = [day.schedule.run() for day in days]

    assert [cost.batch for cost in quiet] == [None, None]
    assert quiet[0].calls == quiet[1].calls
    assert set(quiet[1].calls) == {"exists", "read"}


def test_a_lost_hint_costs_a_long_log_a_few_questions_and_no_listing(days):
    schedule, usual = days[1].schedule, days[1].schedule.run().calls
    for store in (schedule.landing, schedule.processed):
        store.delete(HINT)

    searched = schedule.run().calls

    assert searched["list"] == 0
    assert searched["exists"] - usual["exists"] <= 5 * 2 * math.log2(LONG + RUNS), (
        "five looks, a doubling and a halving"
    )
    day = days[1]
    for half in (schedule.landing, schedule.processed):
        half.put(HINT, str(schedule.number).encode())
    assert day.schedule.number == LandingLog(schedule.landing).newest()


def test_status_tells_the_newest_batches_of_a_long_log(days):
    schedule = days[1].schedule
    now = moment(schedule.number)

    standing = read_standing(schedule.world.project, str(schedule.world.folder), schedule.world.warehouse, now)

    assert (standing.landed, standing.transformed, standing.loaded) == (schedule.number,) * 3
    assert (standing.age_seconds, standing.orphans) == (0, 0)


def test_a_fabricated_log_chains_as_a_real_one_does(days):
    log = LandingLog(days[1].schedule.landing)
    entries = [log.read(number) for number in range(1, 200)]

    chained = [entry.manifest.predecessor for entry in entries]

    assert chained == [None, *(entry.checksum for entry in entries[:-1])]
    assert len({entry.manifest.run_id for entry in entries}) == len(entries)


@pytest.fixture
def bucket_schedules(make_database, tmp_path):
    """Return schedules over an emulated bucket, each with the requests that S3 was sent."""
    with mock_aws():
        yield [on_bucket(make_schedule(tmp_path / name, make_database(), make_database())) for name in ("a", "b")]


def on_bucket(schedule):
    client, sent = boto3.client("s3", region_name="us-east-1"), Counter()
    client.create_bucket(Bucket="lift")
    client.meta.events.register("before-call.s3.*", lambda model, **_: sent.update([model.name]))
    prefix = schedule.world.folder.parent.name
    halves = [S3Store("lift", f"{prefix}/{half}", client) for half in ("landing", "processed")]
    return replace(schedule, landing=halves[0], processed=halves[1]), sent


def test_runs_over_a_bucket_list_nothing_and_send_the_same_requests_however_long_the_log_is(bucket_schedules):
    requests = []
    for (schedule, sent), length in zip(bucket_schedules, (SHORT_BUCKET, LONG_BUCKET), strict=True):
        schedule.run()
        lengthen(schedule, length)
        for _ in range(3):
            sent.clear()
            schedule.run_edited()
            requests.append(Counter(sent))
        schedule.assert_correct()

    assert all(found == requests[0] for found in requests), requests
    assert not [name for name in requests[0] if name.startswith("List")]
