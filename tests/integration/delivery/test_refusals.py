"""What an endpoint refuses: a poison record, all records, or us."""

import json
import logging
from dataclasses import replace

import pytest

from load.delivery.messages import Message
from local.delivery.sink import Sink, running_sink
from local.delivery.sink_store import SinkStore
from tests.delivery_factories import message, record

pytestmark = pytest.mark.timeout(120)


def test_a_poison_record_is_put_aside_and_the_others_delivered(world):
    world.sink.refused.add("bad")

    assert world.deliver(message("a", "b", "bad", "c", "d"), message("e")) == []

    assert set(world.times.items()) == {(one, 1) for one in "abcde"}
    ((body, told),) = world.queue.letters()
    assert body == {"records": [record("bad")], "refused": {"times": 1, "status": 422}}
    assert (told["status"], told["key"], told["error_type"]) == ("422", "bad", "RecordRefusedError")
    assert "The record bad is refused" in told["reason"]


def test_a_refused_record_is_not_posted_again_by_itself(world):
    world.sink.refused.add("bad")
    world.deliver(message("bad"))

    assert world.deliver(message("bad", "a")) == []

    assert len(world.queue.letters()) == 1
    assert world.times == {"a": 1}


def test_a_refused_record_is_delivered_once_it_is_replayed(world):
    world.sink.refused.add("bad")
    world.deliver(message("bad", "a"))
    ((body, _told),) = world.queue.letters()
    world.sink.refused.clear()

    assert world.deliver(Message("replay", json.dumps(body)), Message("again", json.dumps(body))) == []

    assert world.times == {"a": 1, "bad": 1}
    assert world.keys[-1] not in world.keys[:-1]


def test_a_refused_record_whose_replay_finds_the_endpoint_down_waits_for_that_replay(world):
    world.sink.refused.add("bad")
    world.deliver(message("bad"))
    ((body, _told),) = world.queue.letters()
    replay = Message("replay", json.dumps(body))
    world.go_wrong(status=503, times=4)

    assert world.deliver(replay) == ["replay"]
    assert world.deliver(message("bad")) == []
    world.sink.refused.clear()
    assert world.deliver(replay) == []

    assert (world.times, world.queue.letters()) == ({"bad": 1}, [])


def test_what_is_told_beside_a_refused_record_is_what_a_queue_takes(world):
    long_id = "odd\x01" + "x" * 1000
    world.sink.refused.add(long_id)

    assert world.deliver(message(long_id)) == []

    ((body, told),) = world.queue.letters()
    assert body["records"] == [record(long_id)]
    assert (told["key"], len(told["reason"])) == ("odd?" + "x" * 996, 1000)


def test_a_replayed_record_that_is_refused_again_is_put_aside_again(world):
    world.sink.refused.add("bad")
    world.deliver(message("bad"))
    ((body, _told),) = world.queue.letters()

    assert world.deliver(Message("replay", json.dumps(body))) == []

    ((again, _told),) = world.queue.letters()
    assert again["refused"]["times"] == 2


def test_an_endpoint_that_refuses_record_after_record_is_not_asked_for_all_of_them(world, caplog):
    ids = [f"{number:02}" for number in range(40)]
    world.sink.refused.update(ids)

    assert world.deliver(message(*ids), message("other")) == [message(*ids).id, "m-other"]

    assert len(world.queue.letters()) == 10
    assert "too many records refused" in caplog.messages
    assert len(world.statuses) < 40


def test_records_refused_here_and_there_do_not_stop_the_others(world):
    ids = [f"{number:02}" for number in range(24)]
    world.sink.refused.update(ids[::2])

    assert world.deliver(message(*ids)) == []

    assert world.held == [one for one in ids if one not in ids[::2]]
    assert len(world.queue.letters()) == 12


@pytest.mark.parametrize("status", [401, 403, 404, 410, 415])
def test_a_refusal_that_is_not_about_records_leaves_all_messages_and_tells_a_person(world, caplog, status):
    world.go_wrong(status=status, times=0)

    assert world.deliver(message("a", "b"), message("c")) == ["m-a-b", "m-c"]

    assert world.statuses == [status]
    assert [line.levelno for line in caplog.records if line.message == "endpoint closed"] == [logging.CRITICAL]
    assert world.queue.letters() == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(world, tmp_path, status):
    with running_sink(Sink(SinkStore(tmp_path / "elsewhere.sqlite"))) as elsewhere:
        world.go_wrong(status=status, location=elsewhere.url)

        assert world.deliver(message("a")) == ["m-a"]

        assert elsewhere.sink.store.posts() == []


def test_a_wrong_login_is_about_the_endpoint(world, tmp_path):
    with running_sink(Sink(SinkStore(tmp_path / "locked.sqlite"), ("X-Api-Key", "another"))) as locked:
        assert replace(world, url=locked.url).deliver(message("a")) == ["m-a"]

        assert [post.status for post in locked.sink.store.posts()] == [401]


def test_a_message_of_another_form_is_put_aside_as_it_is(world, caplog):
    assert world.deliver(Message("odd", "not from here"), message("a")) == []

    ((body, told),) = world.queue.letters()
    assert (body, told["error_type"], told["message_id"]) == ("not from here", "MessageRefusedError", "odd")
    assert world.held == ["a"]
    assert "message put aside" in caplog.messages


def test_what_cannot_be_put_aside_stays_in_its_message(world):
    world.sink.refused.add("bad")
    nowhere = replace(world, queue=replace(world.queue, url=world.queue.url + "-gone"))

    left = nowhere.deliver(message("a", "bad"), Message("odd", "not from here"), message("b"))

    assert left == ["m-a-bad", "odd"]
    assert world.deliver(message("a", "bad")) == []
    assert (world.times, len(world.queue.letters())) == ({"a": 1, "b": 1}, 1)
