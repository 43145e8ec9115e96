"""The reference endpoint, asked over HTTP as by anybody."""

import json
import socket
import urllib.error
import urllib.request

import pytest

from local.delivery.sink import Sink, running_sink
from local.delivery.sink_faults import Fault, Faults
from local.delivery.sink_store import SinkStore
from utils.errors import ConfigurationError

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def running(tmp_path):
    with running_sink(Sink(SinkStore(tmp_path / "sink.sqlite"))) as sink:
        yield sink


def ask(running, path="", body=None, **headers):
    """Return the answer's status and what it says; a body makes it a POST."""
    asked = urllib.request.Request(running.url + path, None if body is None else json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def send(running, body, length=None):
    """Send bytes with a Content-Length and no more; return the answer's status, None without one."""
    host, port = running.url.strip("/").rpartition("/")[2].split(":")
    head = f"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length or len(body)}\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(head.encode() + body)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.makefile("rb").readline()
    return int(answer.split()[1]) if answer else None


def test_a_batch_is_kept_and_counted(running):
    assert ask(running, body=[{"id": "a", "v": 1}, {"id": "b"}]) == (200, {"records": 2, "new": 2})

    assert ask(running, "_sink/records") == (200, [{"id": "a", "v": 1}, {"id": "b"}])


def test_a_record_that_comes_again_changes_nothing(running):
    ask(running, body=[{"id": "a", "v": 1}])

    assert ask(running, body=[{"id": "a", "v": 2}, {"id": "b"}]) == (200, {"records": 2, "new": 1})

    assert ask(running, "_sink/records")[1] == [{"id": "a", "v": 1}, {"id": "b"}]


NO_IDS = ["", 1, {"a": 1}, "x" * 1025, "\ud800"]


@pytest.mark.parametrize("body", [{}, "a", ["a"], [{}], [{"id": "a"}, {}], *([{"id": no_id}] for no_id in NO_IDS)])
def test_a_batch_of_another_form_is_refused_as_a_whole(running, body):
    assert ask(running, body=body)[0] == 400

    assert ask(running, "_sink/records")[1] == []


def test_a_post_without_the_header_is_refused(tmp_path):
    with running_sink(Sink(SinkStore(tmp_path / "sink.sqlite"), ("X-Key", "sesame"))) as running:
        statuses = [
            ask(running, body=[{"id": "a"}], **more)[0] for more in ({}, {"X-Key": "other"}, {"X-Key": "sesame"})
        ]

    assert statuses == [401, 401, 200]


def test_faults_happen_in_order_and_then_no_more(running):
    ask(running, "_sink/faults", [{"status": 503}, {"status": 429, "retry_after": "1", "times": 2}])

    assert [ask(running, body=[{"id": "a"}])[0] for _ in range(4)] == [503, 429, 429, 200]
    assert [post["status"] for post in ask(running, "_sink/posts")[1]] == [503, 429, 429, 200]


def test_refused_records_are_told_by_control(running):
    ask(running, "_sink/refused", ["bad"])

    assert ask(running, body=[{"id": "a"}, {"id": "bad"}]) == (422, {"error": "The record bad is refused."})
    ask(running, "_sink/refused", [])
    assert ask(running, body=[{"id": "a"}, {"id": "bad"}])[0] == 200


NO_FAULTS = [
    {"cut": "sometimes"},
    {"colour": 1},
    {"status": 200},  # with which records would be lost that nobody kept
    {"status": "503"},
    {"delay": -1},
    {"delay": "x"},
    {"times": -1},
    {"each": 0},
    {"retry_after": "1\r\nX: 2"},
]


@pytest.mark.parametrize(
    ("path", "body"),
    [("faults", 7), ("faults", ["a"]), ("refused", 7), *(("faults", [fault]) for fault in NO_FAULTS)],
)
def test_control_that_means_nothing_is_refused(running, path, body):
    assert ask(running, f"_sink/{path}", body)[0] == 400


def test_json_that_is_nested_too_deeply_or_none_is_refused(running):
    assert [send(running, body) for body in (b"[" * 100_000, b'[{"id": "a", "v": NaN}]')] == [400, 400]


def test_a_post_whose_sender_goes_away_before_its_end_is_not_kept(running):
    assert send(running, b'[{"id": "a"}]', length=100) is None

    assert ask(running, "_sink/records")[1] == []


def test_a_file_that_fails_is_answered_503_and_told(tmp_path):
    said, file = [], tmp_path / "sink.sqlite"
    with running_sink(Sink(SinkStore(file), say=said.append)) as running:
        file.write_bytes(b"no database" * 1000)

        assert send(running, b'[{"id": "a"}]') == 503

    assert "not a database" in said[0]


@pytest.mark.parametrize("name", ["", "text", "text/below"])
def test_a_file_that_cannot_keep_records_is_named(tmp_path, name):
    (tmp_path / "text").write_text("no database" * 1000)

    with pytest.raises(ConfigurationError, match="cannot keep records"):
        SinkStore(tmp_path / name).create()


def test_an_unknown_page_is_told_what_there_is(running):
    assert ask(running, "_sink/other")[0] == 404
    assert ask(running, "_sink/other", [])[0] == 404


def test_each_nth_post_goes_wrong():
    faults = Faults([Fault(status=500, times=0, each=3)])

    assert [faults.take().status for _ in range(7)] == [0, 0, 500, 0, 0, 500, 0]


def test_a_port_that_is_taken_is_named(running, tmp_path):
    port = int(running.url.rstrip("/").rpartition(":")[2])

    with pytest.raises(ConfigurationError, match="Choose another with --port"):
        with running_sink(Sink(SinkStore(tmp_path / "other.sqlite")), port):
            pass


def test_records_outlive_the_server(tmp_path):
    store = SinkStore(tmp_path / "sink.sqlite")
    with running_sink(Sink(store)) as running:
        ask(running, body=[{"id": "a"}])
    with running_sink(Sink(store)) as running:
        assert ask(running, body=[{"id": "a"}]) == (200, {"records": 1, "new": 0})
