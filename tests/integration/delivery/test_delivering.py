"""Records over real sockets: afterwards the endpoint holds every one exactly once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from load.delivery.batches import Batch
from load.delivery.pipeline import deliver
from tests.delivery_factories import make_ledger, message, record
from utils.delivery_project import DeliveryLimits
from utils.errors import LedgerUnavailableError

pytestmark = pytest.mark.timeout(120)


def test_each_message_becomes_one_post_of_all_its_records(world):
    assert world.deliver(message("a", "b"), message("c")) == []

    assert world.sink.store.records() == [record("a"), record("b"), record("c")]
    assert [(post.status, post.records, post.new) for post in world.sink.store.posts()] == [(200, 2, 2), (200, 1, 1)]


def test_a_message_of_more_than_a_batch_becomes_several_posts(world):
    world.deliver(message(*"abcde"), limits=DeliveryLimits(max_records=2))

    assert [post.records for post in world.sink.store.posts()] == [2, 2, 1]
    assert world.held == list("abcde")


def test_what_was_delivered_is_left_out_when_a_message_comes_again(world):
    world.deliver(message("a", "b"))

    assert world.deliver(message("a", "b"), message("b", "c")) == []

    assert world.times == {"a": 1, "b": 1, "c": 1}
    assert world.statuses == [200, 200]


def test_a_message_makes_the_same_batches_though_a_part_of_it_was_delivered(world):
    world.deliver(message("a"))

    world.deliver(message(*"abcdef"), limits=DeliveryLimits(max_records=2))

    assert world.keys[2:] == [Batch((record(one), record(other))).key for one, other in ("cd", "ef")]


def test_dynamodb_serves_as_sqlite_does(world, tmp_path):
    remote = replace(world, ledger=make_ledger("dynamodb", tmp_path))
    remote.sink.refused.add("bad")

    assert [remote.deliver(message("a", "bad", "b"), message("b", "c")) for _ in range(2)] == [[], []]

    assert (world.times, len(world.queue.letters())) == ({"a": 1, "b": 1, "c": 1}, 1)


def test_of_two_workers_with_the_same_message_at_once_one_posts_it(world):
    world.go_wrong(delay=0.3, times=0)
    both = message("a", "b")
    with ThreadPoolExecutor(2) as pool:
        left = list(pool.map(lambda _worker: world.deliver(both), range(2)))

    assert sorted(left) == [[], [both.id]]
    assert world.times == {"a": 1, "b": 1}
    assert world.deliver(both) == []
    assert world.times == {"a": 1, "b": 1}


def test_workers_with_overlapping_messages_deliver_each_record_once(world):
    ids = [f"{number:02}" for number in range(30)]
    messages = [message(*ids[first : first + 10], message_id=str(first)) for first in range(0, 21, 5)] * 3
    while messages:
        with ThreadPoolExecutor(3) as pool:
            left = set().union(*pool.map(world.deliver, messages))
        messages = [one for one in messages if one.id in left]

    assert (world.held, set(world.times.values())) == (ids, {1})


class LostLedger:
    """A ledger that cannot be written once the endpoint has the records."""

    def __init__(self, ledger):
        self._ledger = ledger

    def settle(self, *_words):
        raise LedgerUnavailableError

    def __getattr__(self, name):
        return getattr(self._ledger, name)


def test_a_ledger_that_fails_after_the_post_makes_the_same_post_come_again(world):
    ports = world.ports()
    with pytest.raises(LedgerUnavailableError):
        deliver([message("a")], replace(ports, ledger=LostLedger(ports.ledger)))

    assert world.deliver(message("a")) == []

    assert world.times == {"a": 2}
    assert len(set(world.keys)) == 1
