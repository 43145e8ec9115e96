"""Messages that wait for so long that the queue would soon forget them."""

import json
from dataclasses import replace

import pytest

from load.delivery.messages import Message
from tests.delivery_factories import NOON, message

pytestmark = pytest.mark.timeout(120)
DAY = 86_400


def waiting(name, days):
    """Return a message that has been in the queue for so many days."""
    return replace(message(name), sent=NOON - days * DAY)


def test_a_message_that_the_queue_would_soon_forget_is_put_aside(world, caplog):
    world.go_wrong(status=503, times=0)

    assert world.deliver(waiting("new", days=5), waiting("old", days=6.1), waiting("untried", days=6.9)) == ["m-new"]

    letters = world.queue.letters()
    assert [body["records"][0]["id"] for body, _told in letters] == ["old", "untried"]
    assert {told["error_type"] for _body, told in letters} == {"MessageExpiringError"}
    assert caplog.messages.count("message put aside") == 2


def test_an_old_message_that_can_be_delivered_is_delivered(world):
    assert world.deliver(waiting("old", days=6.9)) == []

    assert (world.held, world.queue.letters()) == (["old"], [])


def test_an_old_message_that_cannot_be_put_aside_stays(world):
    world.go_wrong(status=503, times=0)
    nowhere = replace(world, queue=replace(world.queue, url=world.queue.url + "-gone"))

    assert nowhere.deliver(waiting("old", days=6.9)) == ["m-old"]


def test_what_was_put_aside_is_delivered_once_by_its_replay(world):
    world.go_wrong(status=503, times=0)
    world.deliver(waiting("old", days=6.9))
    ((body, _told),) = world.queue.letters()
    world.recover()

    assert world.deliver(Message("replay", json.dumps(body), NOON)) == []

    assert world.times == {"old": 1}


def test_a_message_knows_since_when_it_waits():
    sent = {"SentTimestamp": "1800000000123"}

    assert Message.of({"messageId": "m", "body": "{}", "attributes": sent}).sent == 1_800_000_000.123
