import base64
import json
from datetime import timedelta

import pytest

from extraction.api.instant import Instant, read_instant
from extraction.api.refusal import RefusedError
from extraction.api.request import read_post
from extraction.api.validation import READERS, check_records
from tests.ingest_factories import NOON, PROJECT, event, reading
from utils.delivery_project import FieldType, RecordField

NO_MOMENTS = """
2024-05-17
2024-05-17T12:00:00
2024-05-17 12:00:00Z
2024-05-17T12:00Z
2024-02-30T12:00:00Z
2016-12-31T23:59:60Z
2024-05-17T24:00:00Z
2024-05-17T12:00:00+24:00
2024-05-17T12:00:00.Z
2024-05-17T12:00:00.1234567891Z
0001-01-01T00:00:00+01:00
9999-12-31T23:59:59-01:00
٢٠٢٤-05-17T12:00:00Z
now
""".splitlines()  # the empty text too


def read(body, **changes):
    return read_post(event(body, **changes), PROJECT.ingest, NOON)


def reasons(body, **changes):
    with pytest.raises(RefusedError) as refused:
        check_records(read(body, **changes), PROJECT)
    return [(found.index, found.field, found.reason) for found in refused.value.reasons]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (None, "The body is empty"),
        (" \n", "The body is empty"),
        ("{", "The body is not JSON: Expecting property name"),
        ("\ufeff[]", "The body is not JSON"),
        ("[]", "The array holds no record"),
        ("[" * 100_000, "nested too deeply"),
        ('"\ud800"', "not UTF-8"),
        (json.dumps([1] * 10_001), "More than 10000 records"),
        (json.dumps("x" * (4 << 20)), "larger than 4194304 bytes"),
    ],
)
def test_a_wrong_body_is_refused_with_its_reason(body, reason):
    ((index, field, found),) = reasons(body)

    assert (index, field) == (None, None)
    assert reason in found


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"content-type": "text/csv"}, "Content-Type must be application/json"),
        ({"Content-Type": "application/json; charset=latin-1"}, "Content-Type"),
        ({"Content-Encoding": "gzip"}, "Content-Encoding"),
        ({"IDEMPOTENCY-KEY": ""}, "Idempotency-Key must be one value of 1 to 255"),
        ({"idempotency-key": "k" * 256}, "Idempotency-Key"),
        ({"idempotency-key": "a b"}, "Idempotency-Key"),
    ],
)
def test_a_wrong_header_is_refused_with_its_reason(headers, reason):
    assert reason in reasons(reading(), headers=headers)[0][2]


def test_two_idempotency_keys_are_refused():
    assert "one value" in reasons(reading(), multiValueHeaders={"Idempotency-Key": ["a", "b"]})[0][2]


@pytest.mark.parametrize("headers", [None, {}, {"content-type": 'application/json; charset="UTF-8"'}])
def test_json_in_utf_8_may_be_said_or_left_unsaid(headers):
    assert read(reading(), headers=headers).records == [reading()]


def test_a_base64_body_is_decoded_and_a_broken_one_refused():
    body = base64.b64encode(json.dumps(reading(sensorId="Жара")).encode()).decode()

    assert read(body, isBase64Encoded=True).records[0]["sensorId"] == "Жара"
    assert "not UTF-8" in reasons("%%%", isBase64Encoded=True)[0][2]


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"sensorId": None}, "sensorId", "must not be null"),
        ({"timestamp": None}, "timestamp", "must not be null"),
        ({"sensorId": ""}, "sensorId", "must not be empty"),
        ({"sensorId": 7}, "sensorId", "must be a string"),
        ({"sensorId": "x" * 101}, "sensorId", "at most 100 characters"),
        ({"sensorId": "\ud800"}, "sensorId", "half a surrogate pair"),
        ({"sensorId": "\0"}, "sensorId", "or a zero"),
        ({"rawHumidity": True}, "rawHumidity", "must be a number"),
        ({"rawHumidity": "40"}, "rawHumidity", "must be a number"),
        ({"rawHumidity": [40]}, "rawHumidity", "must be a number"),
        ({"rawHumidity": float("nan")}, "rawHumidity", "NaN and Infinity are none"),
        ({"rawHumidity": 10**400}, "rawHumidity", "a double can hold"),
        ({"rawHumidity": 100.5}, "rawHumidity", "at most 100"),
        ({"rawTemperature": -460}, "rawTemperature", "at least -459.67"),
        ({"rawHumidty": 1}, "rawHumidty", "is not a field"),
        ({"timestamp": 1715949000}, "timestamp", "must be a string"),
        ({"timestamp": "2024-05-17"}, "timestamp", "a date, T, a time"),
    ],
)
def test_a_wrong_field_is_refused_by_its_record_and_name(changes, field, reason):
    ((index, found, why),) = reasons([reading(), {**reading(), **changes}])

    assert (index, found) == (1, field)
    assert reason in why


def test_every_wrong_record_is_told_with_every_reason():
    found = reasons([{"sensorId": 1, "rawTemperature": 1}, 4, reading()])

    assert [(index, field) for index, field, _ in found] == [(0, "sensorId"), (0, "rawHumidity"), (1, None)]


def test_of_many_unknown_fields_the_first_ten_are_told():
    found = reasons({**reading(), **{f"x{n}" * 100: n for n in range(1000)}})

    assert [len(field) for _, field, _ in found] == [100] * 10


def test_a_name_said_twice_is_refused_whichever_value_a_parser_would_keep():
    assert "twice" in reasons('{"sensorId": "a", "sensorId": "a", "rawTemperature": 1, "rawHumidity": 1}')[0][2]


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("2024-05-17T12:00:00Z", "2024-05-17T12:00:00.000000000Z"),
        ("2024-05-17t12:00:00.5z", "2024-05-17T12:00:00.500000000Z"),
        ("2024-05-17T12:00:00.123456789+00:00", "2024-05-17T12:00:00.123456789Z"),
        ("2024-05-17T12:00:00.1234567890000Z", "2024-05-17T12:00:00.123456789Z"),
        ("2024-05-17T01:15:00+05:45", "2024-05-16T19:30:00.000000000Z"),
        ("2024-02-29T23:30:00-0100", "2024-03-01T00:30:00.000000000Z"),
    ],
)
def test_a_timestamp_is_kept_to_the_nanosecond_in_utc(text, stored):
    assert str(read_instant(text)) == stored


@pytest.mark.parametrize("text", NO_MOMENTS)
def test_a_text_that_is_no_one_moment_is_refused(text):
    with pytest.raises(ValueError, match=r"must be a date|is no moment|is a leap second"):
        read_instant(text)


@pytest.mark.parametrize(("seconds", "is_accepted"), [(300, True), (301, False), (-86_400, True), (-86_401, False)])
def test_a_reading_from_too_far_in_the_future_or_past_is_refused(seconds, is_accepted):
    body = reading(NOON + timedelta(seconds=seconds))

    if is_accepted:
        assert check_records(read(body), PROJECT)[0].instant == Instant.at(NOON + timedelta(seconds=seconds))
    else:
        assert f"more than {300 if seconds > 0 else 86_400} seconds" in reasons(body)[0][2]


@pytest.mark.parametrize(("value", "expected"), [(5.0, 5), (-(2**63), -(2**63)), (0, 0)])
def test_a_whole_number_may_be_written_with_a_point(value, expected):
    assert READERS[FieldType.INTEGER](value, RecordField("n", FieldType.INTEGER)) == expected


@pytest.mark.parametrize("value", [5.5, 2**63, True, 1e300, float("nan"), "5", 9007199254740993.0])
def test_what_is_no_whole_number_of_64_bits_is_refused(value):
    with pytest.raises(ValueError, match="whole number of 64 bits"):
        READERS[FieldType.INTEGER](value, RecordField("n", FieldType.INTEGER))


def test_every_type_of_field_has_a_reader():
    assert set(READERS) == set(FieldType)
