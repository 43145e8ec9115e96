"""An endpoint that is down, slow, flapping, busy or cut off in the middle: nothing is lost, nothing twice."""

import contextlib
import itertools
import socket
import threading
import time
from dataclasses import replace

import pytest

from load.delivery.messages import Message
from local.delivery.sink import running_sink
from local.delivery.sink_faults import Cut, Fault
from tests.delivery_factories import message

pytestmark = pytest.mark.timeout(120)


def test_an_endpoint_that_is_down_gets_all_once_it_is_up(world):
    messages = [message("a", "b"), message("c")]
    world.go_wrong(status=503, times=0)
    assert world.deliver(*messages) == [one.id for one in messages]
    assert world.held == []
    world.recover()

    assert world.deliver(*messages) == []

    assert world.times == {"a": 1, "b": 1, "c": 1}


def test_a_dead_endpoint_is_left_alone_after_a_few_failures(world):
    world.go_wrong(status=500, times=0)

    left = world.deliver(*(message(str(number)) for number in range(20)))

    assert len(left) == 20
    assert world.statuses == [500] * 8
    assert len(set(world.keys)) == 2


def test_a_dead_endpoint_gets_no_more_of_a_message_of_many_records(world):
    world.go_wrong(status=500, times=0)

    assert world.deliver(message(*"abcdefgh"), message("i")) == ["m-a-b-c-d-e-f-g-h", "m-i"]

    assert world.statuses == [500] * 8


def test_an_endpoint_that_nobody_answers_for_is_left_alone_too(world):
    unreachable = replace(world, url="http://127.0.0.1:9/")

    assert unreachable.deliver(message("a"), message("b"), message("c")) == ["m-a", "m-b", "m-c"]
    assert len(unreachable.pauses) == 6


def test_failures_between_which_something_was_taken_do_not_stop_the_rest(world):
    down, up = Fault(status=503, times=4), Fault()
    world.sink.faults.set([down, up, down, up, down, up])

    assert world.deliver(*map(message, "abcdef")) == ["m-a", "m-c", "m-e"]

    assert world.held == ["b", "d", "f"]


@pytest.mark.parametrize("poison", [{"a"}, {"h"}, {"b", "g"}])
def test_records_at_which_the_endpoint_fails_hold_back_the_others_only_for_a_while(world, poison):
    with running_sink(replace(world.sink, refused=poison, refusal=500)) as failing:
        broken = replace(world, sink=failing.sink, url=failing.url)
        receives = itertools.takewhile(lambda _turn: len(world.held) < 8 - len(poison), range(200))

        left = [broken.deliver(message(*"abcdefgh")) for _turn in receives]

        assert broken.deliver(message(*"abcdefgh")) == left[0] == ["m-a-b-c-d-e-f-g-h"]
    assert set(world.held) == {*"abcdefgh"} - poison


def test_what_comes_after_the_end_is_not_even_looked_at(world):
    world.go_wrong(status=401)

    assert world.deliver(message("a"), Message("odd", "not from here")) == ["m-a", "odd"]

    assert world.queue.letters() == []


def test_a_bad_moment_is_waited_for_with_the_same_key(world):
    world.go_wrong(status=502, times=3)

    assert world.deliver(message("a")) == []

    assert (world.statuses, len(set(world.keys))) == ([502, 502, 502, 200], 1)
    assert all(0 <= pause <= 0.5 * 2**number for number, pause in enumerate(world.pauses))


def test_a_flapping_endpoint_gets_every_record_once(world):
    world.go_wrong(status=503, times=0, each=2)
    messages = [message(f"{number}-a", f"{number}-b") for number in range(10)]

    assert world.deliver(*messages) == []

    assert set(world.times.values()) == {1}
    assert len(world.held) == 20


def test_a_slow_endpoint_that_took_the_records_takes_them_again_as_the_same(world):
    world.go_wrong(delay=1.0)

    assert world.deliver(message("a"), total_seconds=0.2) == []

    assert world.times == {"a": 2}
    assert len(set(world.keys)) == 1


@pytest.mark.parametrize("cut", [Cut.UNSTORED, Cut.STORED, Cut.ANSWERING])
def test_a_connection_that_is_cut_loses_nothing_and_doubles_nothing(world, cut):
    world.go_wrong(cut=cut, times=2)

    assert world.deliver(message("a", "b"), message("c")) == []

    assert world.held == ["a", "b", "c"]
    assert world.statuses == [0, 0, 200, 200]
    assert world.times["a"] == (1 if cut is Cut.UNSTORED else 3)


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


def answering(*parts):
    """Return a server that sends these parts to whoever posts first, and its port."""
    server = socket.create_server(("127.0.0.1", 0))

    def answer():
        with server, server.accept()[0] as connection:
            connection.recv(1 << 16)
            for part in parts:
                connection.sendall(part)

    thread = threading.Thread(target=answer)
    thread.start()
    return server.getsockname()[1], thread


@pytest.mark.parametrize(
    "hint", [b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", b"HTTP/1.1 102 Processing\r\n\r\n"]
)
def test_a_word_before_the_answer_is_not_the_answer(world, hint):
    port, thread = answering(hint, hint, b"HTTP/1.1 201 Created\r\nRetry-After: 3\r\nContent-Length: 2\r\n\r\nOK")

    answer = replace(world, url=f"http://127.0.0.1:{port}/").ports().endpoint.post(b"[]", "key")

    thread.join()
    assert (answer.status, answer.text, answer.retry_after) == (201, "OK", "3")


def test_another_protocol_is_an_answer_of_its_own(world):
    port, thread = answering(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n")

    answer = replace(world, url=f"http://127.0.0.1:{port}/").ports().endpoint.post(b"[]", "key")

    thread.join()
    assert answer.status == 101


def test_the_failure_to_connect_is_told_beside_the_batch(world, caplog):
    replace(world, url="http://127.0.0.1:9/").deliver(message("a"))

    (line,) = (line for line in caplog.records if line.message == "batch not delivered")
    assert "ConnectionRefusedError" in line.reason


@pytest.fixture
def deaf():
    """Return a port that never takes a connection: its queue is full."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        yield server.getsockname()[1]


@pytest.mark.timeout(20)  # where each address alone takes two seconds
def test_a_name_of_many_addresses_is_given_up_as_soon_as_one_address(world, deaf, monkeypatch):
    address = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", deaf))
    client = replace(world.ports().endpoint, connect_seconds=2.0)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [address] * 20)

    answer = client.post(b"[]", "key")

    assert (answer.status, answer.text) == (0, "TimeoutError: timed out")


def test_an_address_that_answers_is_found_among_those_that_do_not(world, monkeypatch):
    port = int(world.url.rstrip("/").rpartition(":")[2])
    closed, right = ((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", each)) for each in (9, port))
    client = world.ports().endpoint
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [closed, right])

    assert client.post(b"[]", "key").status == 200
