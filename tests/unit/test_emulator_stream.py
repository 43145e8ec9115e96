"""The second emulator's deliveries of a stream, by the rules that AWS documents: tests of exports stand on them."""

import pytest

from tests import emulator_stream

MAPPING = {
    "UUID": "m",
    "BisectBatchOnFunctionError": True,
    "MaximumRetryAttempts": 2,
    "FunctionResponseTypes": ["ReportBatchItemFailures"],
}


@pytest.fixture
def aside(monkeypatch):
    """Return what was given up."""
    found = []
    monkeypatch.setattr(emulator_stream, "set_aside", lambda batch, tries, _mapping: found.append((batch, tries)))
    return found


def records(*numbers):
    return [{"kinesis": {"sequenceNumber": str(number)}} for number in numbers]


def delivered(batch, answer, mapping=MAPPING):
    """Deliver records to a function that answers so, and return what each call got."""
    calls = []

    def run(part):
        numbers = [int(record["kinesis"]["sequenceNumber"]) for record in part]
        calls.append(numbers)
        return answer(numbers)

    emulator_stream.deliver(batch, mapping, run)
    return calls


def names(*numbers):
    return {"body": {"batchItemFailures": [{"itemIdentifier": str(number)} for number in numbers]}}


def test_what_is_taken_is_delivered_once(aside):
    assert delivered(records(1, 2), lambda _numbers: {"body": {"batchItemFailures": []}}) == [[1, 2]]
    assert aside == []


def test_a_failed_delivery_is_halved_until_the_poison_is_alone_then_tried_and_given_up(aside):
    calls = delivered(records(1, 2, 3), lambda numbers: {"error": 2 in numbers})

    assert calls == [[1, 2, 3], [1], [2, 3], [2], [2], [2], [3]]
    assert aside == [(records(2), 3)]


def test_from_the_refused_record_on_a_delivery_comes_again(aside):
    calls = delivered(records(1, 2, 3), lambda numbers: names(2) if 2 in numbers[:1] or len(numbers) == 3 else names())

    assert calls == [[1, 2, 3], [2, 3], [2, 3], [2, 3]]
    assert aside == [(records(2, 3), 3)]


def test_an_answer_counts_only_where_the_mapping_asks_for_it(aside):
    assert delivered(records(1, 2), lambda _numbers: names(1), {**MAPPING, "FunctionResponseTypes": []}) == [[1, 2]]
    assert aside == []
