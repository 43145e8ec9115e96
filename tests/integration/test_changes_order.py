"""Deliveries that come again, side by side, and from shards that share a table: the target ends the same."""

import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from load.changes.pipeline import apply_records
from tests.changes_factories import deleted, records, written
from utils.changes import Change

EXAMPLES = 400 if "STARLIFT_TEST_THOROUGH" in os.environ else 40
KEYS = ("1", "2", "3")
SHARDS = 2


@dataclass(frozen=True)
class History:
    """The changes of some versions by shard, and which parts of the shards are delivered, one after another."""

    shards: tuple[Sequence[Change], ...]
    deliveries: Sequence[tuple[int, int, int]]  # shard, from, to


@st.composite
def histories(draw) -> History:
    """Draw versions that each write or delete some keys; shards are delivered in order, with parts again and again."""
    shards: tuple[list[Change], ...] = tuple([] for _ in range(SHARDS))
    for order in range(1, draw(st.integers(1, 4)) + 1):
        for sequence, key in enumerate(draw(st.lists(st.sampled_from(KEYS), unique=True)), 1):
            item = draw(st.none() | st.text("ab", max_size=2))
            change = written(key, order, sequence, item=item) if draw(st.booleans()) else deleted(key, order, sequence)
            shards[int(key) % SHARDS].append(change)
    reached, deliveries = [0] * SHARDS, []
    while any(reached[shard] < len(shards[shard]) for shard in range(SHARDS)):
        shard = draw(st.sampled_from([shard for shard in range(SHARDS) if reached[shard] < len(shards[shard])]))
        first = draw(st.integers(0, reached[shard]))  # of what was delivered before, any part comes again
        last = draw(st.integers(first, len(shards[shard])))
        reached[shard] = max(reached[shard], last)
        deliveries.append((shard, first, last))
    for _ in range(draw(st.integers(0, 3))):  # a failure destination gives back what it kept, late
        shard = draw(st.integers(0, SHARDS - 1))
        first, last = sorted(draw(st.tuples(*[st.integers(0, len(shards[shard]))] * 2)))
        deliveries.append((shard, first, last))
    return History(shards, deliveries)


def expected(history):
    """Return the rows as the last change of each key has them."""
    last = {change.key["id"]: change for shard in history.shards for change in shard}
    return [[key, change.after["item"]] for key, change in sorted(last.items()) if change.after]


def delivered(target, history):
    """Deliver a history to an empty target, and return its rows."""
    with target.ports() as ports:
        ports.target.run("TRUNCATE orders")
        ports.target.run("DROP SCHEMA IF EXISTS starlift CASCADE")
        for shard, first, last in history.deliveries:
            assert apply_records(records(history.shards[shard][first:last]), ports).refused is None
        return ports.target.run("SELECT id::text, item FROM orders ORDER BY 1")


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(histories())
def test_whatever_is_delivered_again_the_target_ends_as_if_each_change_came_once(target, history):
    assert delivered(target, history) == expected(history)


def test_two_shards_of_one_table_apply_side_by_side(target):
    target.apply(*(written(str(key), sequence=key) for key in range(1, 401)))
    halves = [[written(str(key), 2, key, item="ink") for key in range(first, 401, 2)] for first in (1, 2)]

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda half: target.apply(*half), halves))

    assert [outcome.counts["orders"]["written"] for outcome in outcomes] == [200, 200]
    assert target.ask("SELECT count(*) FROM orders WHERE item = 'ink'") == [[400]]


SLOWLY = """
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.005); RETURN NEW; END';
CREATE TRIGGER slow BEFORE INSERT ON starlift.applied_changes FOR EACH ROW EXECUTE FUNCTION slow();
"""


def test_one_delivery_taken_by_several_functions_at_once_is_applied_once_and_never_in_a_deadlock(target):
    target.apply(written("0"))
    for statement in SLOWLY.strip().split("\n"):
        target.ask(statement)
    changes = [written(str(key), 2, key) for key in range(1, 21)]

    with ThreadPoolExecutor(4) as pool:
        orders = (changes, changes[::-1], changes[10:] + changes[:10], changes[::2] + changes[1::2])
        outcomes = list(pool.map(lambda order: target.apply(*order), orders))

    assert sum(outcome.counts["orders"]["written"] for outcome in outcomes) == 20
    assert len(target.names()) == 21


def test_the_first_deliveries_of_several_shards_may_come_at_once(target):
    begin = threading.Barrier(4)

    def deliver(shard):
        begin.wait()
        return target.apply(written(str(shard), sequence=shard + 1)).refused

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(deliver, range(4))) == [None] * 4
    assert target.names() == [0, 1, 2, 3]
