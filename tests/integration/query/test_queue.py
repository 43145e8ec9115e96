"""The delivery queue: messages in tens, and what is not taken."""

from dataclasses import replace

import pytest

from tests.delivery_factories import sqs_at
from tests.ingest_factories import HOUR, NOON, reading
from transformation.query.messages import Message, Parcel
from transformation.query.queue import SqsQueue
from utils.errors import ConfigurationError, ObjectMissingError, QueryError, ServiceUnavailableError

pytestmark = pytest.mark.timeout(120)


def messages(*sizes):
    return [Message((Parcel(str(number), "p", "x" * size),)) for number, size in enumerate(sizes)]


class FlawedSqs:
    """A client of the real queue, of whose entries some do not arrive."""

    def __init__(self, url, flaws, sender_fault=False):
        self.client = sqs_at(url)
        self.flaws = flaws  # for each call, the places that fail
        self.sender_fault = sender_fault
        self.sizes = []

    def send_message_batch(self, QueueUrl, Entries):  # noqa: N803 - as the client has them
        self.sizes.append(len(Entries))
        flawed = self.flaws.pop(0) if self.flaws else set()
        good = [entry for place, entry in enumerate(Entries) if place not in flawed]
        if good:
            self.client.send_message_batch(QueueUrl=QueueUrl, Entries=good)
        code = {"Code": "InternalError", "Message": "try again", "SenderFault": self.sender_fault}
        return {"Failed": [{"Id": Entries[place]["Id"], **code} for place in sorted(flawed)]}


def flawed(world, *flaws, **changes):
    client = FlawedSqs(world.services, list(flaws), **changes)
    return SqsQueue(world.queue, world.pauses.append, client=client)


def test_messages_go_in_tens(world):
    queue = flawed(world)

    assert len(list(queue.send(messages(*[5] * 25)))) == 25

    assert queue.client.sizes == [10, 10, 5]
    assert len(world.messages()) == 25


def test_a_call_stays_within_a_mebibyte(world):
    queue = flawed(world)
    full = (256 << 10) - len('{"records":[]}')

    assert len(list(queue.send(messages(*[full] * 5)))) == 5

    assert queue.client.sizes == [4, 1]


def test_failed_entries_alone_are_sent_again_with_jitter(world):
    queue = flawed(world, {0, 3}, {1})

    sent = list(queue.send(messages(1, 2, 3, 4, 5)))

    assert queue.client.sizes == [5, 2, 1]
    assert sorted(len(each.body) for each in sent) == sorted(map(len, world.messages()))
    assert len(sent) == 5
    assert [pause <= limit for pause, limit in zip(world.pauses, (0.2, 0.4), strict=True)] == [True, True]


def test_a_queue_that_takes_only_some_leaves_the_others_to_the_next_run(world):
    world.post(*(reading(NOON - HOUR, sensorId=f"{number:04}" * 25) for number in range(1500)))
    broken = flawed(world, *[{1}] + [{0}] * 5)

    with pytest.raises(ServiceUnavailableError, match="did not take 1 messages: InternalError: try again"):
        world.run(queue=broken)
    with pytest.raises(ObjectMissingError):
        world.mark()
    world.run()

    sensors = world.sensors()
    assert (len(sensors), len(set(sensors))) == (1500, 1500)


def test_a_message_that_the_queue_will_never_take_is_told_at_once(world):
    queue = flawed(world, {0}, sender_fault=True)

    with pytest.raises(QueryError, match="MaximumMessageSize"):
        list(queue.send(messages(1)))

    assert queue.client.sizes == [1]


def test_what_the_queue_took_beside_a_message_that_it_refuses_is_not_sent_again(world):
    world.post(*(reading(NOON - HOUR, sensorId=f"{number:04}" * 25) for number in range(1500)))

    with pytest.raises(QueryError, match="MaximumMessageSize"):
        world.run(queue=flawed(world, {1}, sender_fault=True))
    world.run()

    sensors = world.sensors()
    assert (len(sensors), len(set(sensors))) == (1500, 1500)


def test_a_queue_that_does_not_exist_is_named(world):
    world.post(reading(NOON - HOUR))
    gone = replace(world.ports().queue, url=f"{world.queue}-gone")

    with pytest.raises(ConfigurationError, match=r"There is no queue .*-gone"):
        world.run(queue=gone)
