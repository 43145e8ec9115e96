"""What delivery decides from what it is given, without time or network."""

import json
from itertools import pairwise

import pytest

from load.delivery.answers import Verdict, asked_pause, backoff, judge
from load.delivery.batches import Batch, split
from load.delivery.endpoint import parse_endpoint
from load.delivery.messages import Message
from tests.delivery_factories import NOON, message, record
from utils.delivery_project import DeliveryLimits
from utils.errors import ConfigurationError, MessageRefusedError


def batch(*ids, refusals=0):
    return Batch(tuple(record(one) for one in ids), refusals)


def endpoint(**more):
    secret = {"url": "https://example.org/in", "header_name": "X-Api-Key", "header_value": "sesame"}
    return parse_endpoint({**secret, **more}, "endpoint")


@pytest.mark.parametrize(
    ("verdict", "statuses"),
    [
        (Verdict.TAKEN, (200, 201, 202, 204, 207)),
        (Verdict.AGAIN, (0, 408, 425, 429, 500, 502, 503, 504, 599)),
        (Verdict.REFUSED, (400, 409, 412, 413, 422)),
        (Verdict.CLOSED, (103, 301, 302, 307, 308, 401, 403, 404, 405, 410, 415)),
    ],
)
def test_each_status_has_one_meaning(verdict, statuses):
    assert {judge(status) for status in statuses} == {verdict}


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        (" 120 ", 120),
        ("Fri, 15 Jan 2027 08:00:30 GMT", 30),
        ("Fri, 15 Jan 2027 08:00:30", 30),
        ("Fri, 15 Jan 2027 07:00:00 GMT", 0),
        ("", 0),
        ("soon", 0),
        ("-5", 0),
        ("1.5", 0),
        ("٣", 0),
    ],
)
def test_a_retry_after_is_seconds_or_a_date(header, seconds):
    assert asked_pause(header, NOON) == seconds


def test_a_retry_after_of_absurd_length_is_a_long_time():
    assert asked_pause("9" * 10_000, NOON) > 1e9


def test_backoff_is_any_pause_up_to_a_bound_that_doubles_to_a_maximum():
    assert [backoff(attempt, lambda _low, high: high) for attempt in (1, 2, 3, 4, 50)] == [0.5, 1, 2, 4, 20]
    assert backoff(3, lambda low, _high: low) == 0


def test_a_batch_has_the_same_key_each_time_and_other_records_another():
    assert batch("a", "b").key == batch("a", "b").key
    assert len({batch("a", "b").key, batch("a").key, batch("ab").key, batch("a,b").key, batch("b", "a").key}) == 5


def test_a_record_sent_again_by_a_person_has_a_key_of_its_own():
    assert len({batch("a", refusals=times).key for times in range(3)}) == 3


def test_batches_are_split_by_count():
    found = split([record(one) for one in "abcde"], DeliveryLimits(max_records=2))

    assert [one.ids for one in found] == [["a", "b"], ["c", "d"], ["e"]]


def test_no_batch_is_larger_than_the_limit_and_each_is_as_full_as_it_may_be():
    records = [record(f"{number:03}", note="x" * number) for number in range(100)]

    found = list(split(records, DeliveryLimits(max_bytes=2000)))

    assert [one for batch in found for one in batch.records] == records
    assert all(len(one.body) <= 2000 for one in found)
    for one, after in pairwise(found):
        assert len(Batch((*one.records, after.records[0])).body) > 2000


def test_a_record_larger_than_a_batch_may_be_goes_alone():
    records = [record("a"), record("large", note="x" * 500), record("b")]

    assert [one.ids for one in split(records, DeliveryLimits(max_bytes=300))] == [["a"], ["large"], ["b"]]


def test_halves_hold_what_the_whole_held():
    first, second = batch("a", "b", "c", refusals=1).halves()

    assert (first.ids, second.ids, first.refusals, second.refusals) == (["a"], ["b", "c"], 1, 1)


def test_a_record_that_comes_twice_in_a_message_is_one():
    assert [one["id"] for one in message("a", "b", "a").parcel().records] == ["a", "b"]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "no JSON",
        "[]",
        "{}",
        '{"records": null}',
        '{"records": ["a"]}',
        '{"records": [{}]}',
        '{"records": [{"id": 7}]}',
        '{"records": [{"id": ""}]}',
        '{"records": [{"id": "' + "é" * 600 + '"}]}',
        '{"records": [{"id": "\\ud800"}]}',
        '{"records": [{"id": "a", "value": NaN}]}',
        '{"records": [{"id": "a", "value": 1e999}]}',
        '{"records": [{"id": "a"}], "refused": 1}',
        '{"records": [{"id": "a"}], "refused": {"times": "often"}}',
        '{"records": [{"id": "a"}], "refused": {"times": -1}}',
        "[" * 100_000,
    ],
)
def test_a_message_of_another_form_is_refused(body):
    with pytest.raises(MessageRefusedError, match="Only the query may send"):
        Message("m", body).parcel()


def test_any_text_in_a_record_is_posted_as_it_is():
    strange = record("a", note="é \ud800 \u2028 😀")

    (found,) = json.loads(Batch((strange,)).body)

    assert found == strange


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8580/", "http://localhost/in", "http://[::1]:80/", "https://a.b/?c=d"]
)
def test_an_endpoint_is_https_or_on_this_machine(url):
    assert endpoint(url=url).origin


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/in",
        "http://127.0.0.1.example.org/",
        "http://localhost.example.org/",
        "http://0.0.0.0/",
        "http://169.254.169.254/latest",
        "ftp://example.org/",
        "file:///etc/passwd",
        "example.org",
        "https:///in",
        "https://user:sesame@example.org/",
        "https://example.org:port/",
        "https://example.org:99999/",
        "https://example.org/a b",
        "https://example.org/\r\nX-Evil: 1",
        "https://example.org/#part",
        "https://exämple.org/",
        "https://example..org/",
        f"https://{'x' * 64}.org/",
        "https://.example.org/",
    ],
)
def test_another_address_is_refused_and_not_repeated(url):
    with pytest.raises(ConfigurationError, match="The secret endpoint: url") as refused:
        endpoint(url=url)

    assert url not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X Key", "sesame"),
        ("X-Key\r\n", "sesame"),
        ("Content-Length", "sesame"),
        ("idempotency-KEY", "sesame"),
        ("X-Key", "sesame\r\nX-Evil: 1"),
        ("X-Key", "sésame"),
        ("X-Key", " sesame"),
    ],
)
def test_a_header_that_cannot_be_sent_is_refused_and_its_value_not_repeated(name, value):
    with pytest.raises(ConfigurationError, match="header_") as refused:
        endpoint(header_name=name, header_value=value)

    assert "same" not in str(refused.value)


def test_an_endpoint_shows_neither_its_header_nor_its_path():
    found = endpoint(url="https://example.org:8443/hook/sesame?token=sesame")

    assert "sesame" not in repr(found)
    assert (found.origin, found.target) == ("https://example.org:8443", "/hook/sesame?token=sesame")
