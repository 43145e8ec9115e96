"""Delivery to an endpoint over real sockets: afterwards it holds every record exactly once."""

import contextlib
import itertools
import json
import logging
import socket
import ssl
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import boto3
import pytest

from load.delivery.batches import Batch
from load.delivery.handler import lambda_handler
from load.delivery.messages import Message
from load.delivery.pipeline import deliver
from local.sink import Sink, running_sink
from local.sink_faults import Cut, Fault
from local.sink_store import SinkStore
from tests.delivery_factories import HEADER, delivery_world, emulated_server, make_ledger, message, record
from utils.delivery_project import DeliveryLimits
from utils.errors import AccessDeniedError, ConfigurationError, LedgerUnavailableError

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def aws():
    with emulated_server() as address:
        yield address


@pytest.fixture
def world(tmp_path, aws, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws)
    with delivery_world(tmp_path) as made:
        yield made


def came(world):
    return world.sink.store.times()


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

    assert came(world) == {"a": 1, "b": 1, "c": 1}
    assert world.statuses == [200, 200]


def test_an_endpoint_that_is_down_gets_all_once_it_is_up(world):
    messages = [message("a", "b"), message("c")]
    world.go_wrong(status=503, times=0)
    assert world.deliver(*messages) == [one.id for one in messages]
    assert world.held == []
    world.recover()

    assert world.deliver(*messages) == []

    assert came(world) == {"a": 1, "b": 1, "c": 1}


def test_a_dead_endpoint_is_left_alone_after_a_few_failures(world):
    world.go_wrong(status=500, times=0)

    left = world.deliver(*(message(str(number)) for number in range(20)))

    assert len(left) == 20
    assert world.statuses == [500] * 8
    assert len(set(world.keys)) == 2


def test_an_endpoint_that_nobody_answers_for_is_left_alone_too(world):
    unreachable = replace(world, url="http://127.0.0.1:9/")

    assert unreachable.deliver(message("a"), message("b"), message("c")) == ["m-a", "m-b", "m-c"]
    assert len(unreachable.pauses) == 6


def test_failures_between_which_something_was_taken_do_not_stop_the_rest(world):
    down, up = Fault(status=503, times=4), Fault()
    world.sink.faults.set([down, up, down, up, down, up])

    assert world.deliver(*map(message, "abcdef")) == ["m-a", "m-c", "m-e"]

    assert world.held == ["b", "d", "f"]


def test_what_comes_after_the_end_is_not_even_looked_at(world):
    world.go_wrong(status=401)

    assert world.deliver(message("a"), Message("odd", "not from here")) == ["m-a", "odd"]

    assert world.queue.letters() == []


def test_a_message_makes_the_same_batches_though_a_part_of_it_was_delivered(world):
    world.deliver(message("a"))

    world.deliver(message(*"abcdef"), limits=DeliveryLimits(max_records=2))

    assert world.keys[2:] == [Batch((record(one), record(other))).key for one, other in ("cd", "ef")]


def test_dynamodb_serves_as_sqlite_does(world, tmp_path):
    remote = replace(world, ledger=make_ledger("dynamodb", tmp_path))
    remote.sink.refused.add("bad")

    assert [remote.deliver(message("a", "bad", "b"), message("b", "c")) for _ in range(2)] == [[], []]

    assert (came(world), len(world.queue.letters())) == ({"a": 1, "b": 1, "c": 1}, 1)


def test_a_bad_moment_is_waited_for_with_the_same_key(world):
    world.go_wrong(status=502, times=3)

    assert world.deliver(message("a")) == []

    assert (world.statuses, len(set(world.keys))) == ([502, 502, 502, 200], 1)
    assert all(0 <= pause <= 0.5 * 2**number for number, pause in enumerate(world.pauses))


def test_a_flapping_endpoint_gets_every_record_once(world):
    world.go_wrong(status=503, times=0, each=2)
    messages = [message(f"{number}-a", f"{number}-b") for number in range(10)]

    assert world.deliver(*messages) == []

    assert set(came(world).values()) == {1}
    assert len(world.held) == 20


def test_a_slow_endpoint_that_took_the_records_takes_them_again_as_the_same(world):
    world.go_wrong(delay=1.0)

    assert world.deliver(message("a"), total_seconds=0.2) == []

    assert came(world) == {"a": 2}
    assert len(set(world.keys)) == 1


@pytest.mark.parametrize("cut", [Cut.UNSTORED, Cut.STORED, Cut.ANSWERING])
def test_a_connection_that_is_cut_loses_nothing_and_doubles_nothing(world, cut):
    world.go_wrong(cut=cut, times=2)

    assert world.deliver(message("a", "b"), message("c")) == []

    assert world.held == ["a", "b", "c"]
    assert world.statuses == [0, 0, 200, 200]
    assert came(world)["a"] == (1 if cut is Cut.UNSTORED else 3)


@pytest.mark.parametrize("asked", ["7", "Fri, 15 Jan 2027 08:00:07 GMT"])
def test_retry_after_is_waited_for(world, asked):
    world.go_wrong(status=429, retry_after=asked)

    assert world.deliver(message("a")) == []

    assert world.pauses == [7]
    assert world.statuses == [429, 200]


@pytest.mark.parametrize(("asked", "seconds"), [("61", 900), ("Fri, 15 Jan 2027 09:00:00 GMT", 900), ("30", 50)])
def test_an_endpoint_that_asks_for_a_long_rest_gets_it(world, asked, seconds):
    world.go_wrong(status=503, retry_after=asked)

    assert world.deliver(message("a"), message("b"), seconds=seconds) == ["m-a", "m-b"]

    assert (world.statuses, world.pauses) == ([503], [])


def test_nothing_is_begun_that_the_functions_time_may_not_suffice_for(world):
    assert world.deliver(message("a"), seconds=29) == ["m-a"]

    assert world.statuses == []
    assert world.deliver(message("a")) == []


def test_retries_end_with_the_functions_time(world):
    world.go_wrong(status=503, times=0)
    left = iter([900, 900, 5, 5, 5])

    assert deliver([message("a"), message("b")], replace(world.ports(), seconds_left=lambda: next(left))) == [
        "m-a",
        "m-b",
    ]

    assert world.statuses == [503]


def test_a_poison_record_is_put_aside_and_the_others_delivered(world):
    world.sink.refused.add("bad")

    assert world.deliver(message("a", "b", "bad", "c", "d"), message("e")) == []

    assert set(came(world).items()) == {(one, 1) for one in "abcde"}
    ((body, told),) = world.queue.letters()
    assert body == {"records": [record("bad")], "refused": {"times": 1, "status": 422}}
    assert (told["status"], told["key"], told["error_type"]) == ("422", "bad", "RecordRefusedError")
    assert "The record bad is refused" in told["reason"]


def test_a_refused_record_is_not_posted_again_by_itself(world):
    world.sink.refused.add("bad")
    world.deliver(message("bad"))

    assert world.deliver(message("bad", "a")) == []

    assert len(world.queue.letters()) == 1
    assert came(world) == {"a": 1}


def test_a_refused_record_is_delivered_once_it_is_replayed(world):
    world.sink.refused.add("bad")
    world.deliver(message("bad", "a"))
    ((body, _told),) = world.queue.letters()
    world.sink.refused.clear()

    assert world.deliver(Message("replay", json.dumps(body)), Message("again", json.dumps(body))) == []

    assert came(world) == {"a": 1, "bad": 1}
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

    assert (came(world), world.queue.letters()) == ({"bad": 1}, [])


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
    assert (came(world), len(world.queue.letters())) == ({"a": 1, "b": 1}, 1)


def test_of_two_workers_with_the_same_message_at_once_one_posts_it(world):
    world.go_wrong(delay=0.3, times=0)
    both = message("a", "b")
    with ThreadPoolExecutor(2) as pool:
        left = list(pool.map(lambda _worker: world.deliver(both), range(2)))

    assert sorted(left) == [[], [both.id]]
    assert came(world) == {"a": 1, "b": 1}
    assert world.deliver(both) == []
    assert came(world) == {"a": 1, "b": 1}


def test_workers_with_overlapping_messages_deliver_each_record_once(world):
    ids = [f"{number:02}" for number in range(30)]
    messages = [message(*ids[first : first + 10], message_id=str(first)) for first in range(0, 21, 5)] * 3
    while messages:
        with ThreadPoolExecutor(3) as pool:
            left = set().union(*pool.map(world.deliver, messages))
        messages = [one for one in messages if one.id in left]

    assert (world.held, set(came(world).values())) == (ids, {1})


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

    assert came(world) == {"a": 2}
    assert len(set(world.keys)) == 1


def test_the_header_is_neither_logged_nor_put_aside_even_where_the_endpoint_repeats_it(world, caplog, monkeypatch):
    caplog.set_level(logging.DEBUG)
    world.sink.refused.add(HEADER[1])
    wrong = Message("m", json.dumps({"records": [record(HEADER[1])]}))
    world.go_wrong(status=503, times=2)

    world.deliver(wrong)

    ((_body, told),) = world.queue.letters()
    assert "The record *** is refused" in told["reason"]
    ours = [line for line in caplog.records if line.name.startswith("load.")]
    assert not any(HEADER[1] in str({**vars(line), "first_id": ""}) for line in ours)


def answer_drop_by_drop(server):
    """Begin an answer and go on with it, a byte at a time, for as long as somebody listens."""
    with server, server.accept()[0] as connection, contextlib.suppress(OSError):
        connection.recv(1 << 16)
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        for number in itertools.count():
            connection.sendall(b"X-Drop: 1\r\n"[number % 11 : number % 11 + 1])
            time.sleep(0.05)


def test_an_answer_that_never_ends_is_ended_in_time(world):
    server = socket.create_server(("127.0.0.1", 0))
    dripping = replace(world, url=f"http://127.0.0.1:{server.getsockname()[1]}/")
    thread = threading.Thread(target=answer_drop_by_drop, args=[server])
    thread.start()

    answer = dripping.ports(total_seconds=0.3).endpoint.post(b"[]", "key")

    thread.join()  # which ends only when the client hangs up
    assert answer.status == 200  # the first line is the answer


@pytest.fixture
def tls(tmp_path, world):
    """Run a sink with a certificate of its own, and yield it with the certificate's file and a client."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=sink"]
    files = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate]
    subprocess.run([*command, *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with running_sink(Sink(SinkStore(tmp_path / "tls.sqlite")), tls=context) as running:
        yield replace(world, url=running.url, sink=running.sink), certificate


def test_a_server_whose_certificate_nobody_vouches_for_is_not_sent_anything(tls, caplog):
    caplog.set_level(logging.INFO)
    world, _certificate = tls

    assert world.deliver(message("a")) == ["m-a"]

    assert world.statuses == []
    assert "CERTIFICATE_VERIFY_FAILED" in next(line.reason for line in caplog.records if line.message == "batch posted")


def test_records_are_delivered_over_tls(tls, monkeypatch):
    world, certificate = tls
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    assert world.deliver(message("a")) == []

    assert world.held == ["a"]


def test_a_tls_connection_that_says_nothing_is_ended_in_time(tls, monkeypatch):
    world, certificate = tls
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    world.go_wrong(delay=2.0, times=1)

    assert world.deliver(message("a"), total_seconds=0.2) == []

    assert came(world) == {"a": 2}


@pytest.fixture
def function(world, tmp_path, monkeypatch):
    """Set the delivery function's surroundings, and return what invokes it."""
    (tmp_path / "query.sql").write_text("SELECT 1")
    (tmp_path / "delivery.toml").write_text('[fields]\nat = { type = "timestamp" }\n[delivery]\nmax_records = 2\n')
    secret = {"url": world.url, "header_name": HEADER[0], "header_value": HEADER[1]}
    boto3.client("secretsmanager").create_secret(Name=str(tmp_path), SecretString=json.dumps(secret))
    settings = {"PROJECT": tmp_path, "ENDPOINT_SECRET": tmp_path, "LEDGER": world.ledger, "DLQ_URL": world.queue.url}
    for name, value in settings.items():
        monkeypatch.setenv(name, str(value))
    return lambda *messages: lambda_handler(
        {"Records": [{"messageId": one.id, "body": one.body} for one in messages]}, Context()
    )


class Context:
    """A Lambda's context with all its time."""

    aws_request_id = "request"

    def get_remaining_time_in_millis(self):
        return 300_000


def test_the_function_delivers_in_the_projects_batches_to_the_secrets_endpoint(world, function):
    assert function(message("a", "b", "c")) == {"batchItemFailures": []}

    assert [post.records for post in world.sink.store.posts()] == [2, 1]


def test_the_function_answers_which_messages_are_to_come_again(world, function):
    world.go_wrong(status=401)

    assert function(message("a"), message("b")) == {
        "batchItemFailures": [{"itemIdentifier": "m-a"}, {"itemIdentifier": "m-b"}]
    }


def test_a_function_without_its_settings_names_all_of_them(function, monkeypatch):
    for name in ("LEDGER", "DLQ_URL"):
        monkeypatch.delenv(name)

    with pytest.raises(ConfigurationError, match="LEDGER, DLQ_URL"):
        function(message("a"))


def test_a_secret_that_cannot_be_read_is_named(function, monkeypatch):
    monkeypatch.setenv("ENDPOINT_SECRET", "no-such-secret")

    with pytest.raises(AccessDeniedError, match="no-such-secret"):
        function(message("a"))
