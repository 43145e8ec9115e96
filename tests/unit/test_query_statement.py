"""What the query's statement is made of: windows, partitions, parameters, requests, messages."""

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transformation.query.bound import Bound, bind
from transformation.query.messages import MESSAGE_BYTES, Parcel, UnsendableError, as_parcel, pack
from transformation.query.request import Request, read_request
from transformation.query.statement import table
from transformation.query.window import Window, as_stored, partitions, strides, within
from utils.errors import ConfigurationError

HOUR = timedelta(hours=1)
YEAR_END = datetime(2023, 12, 25, tzinfo=UTC)
HOURS = [YEAR_END + number * HOUR for number in range(24 * 75)]  # across a year's end and February the 29th
KEY = "raw/year=2024/month=05/day=17/hour=09/a.json"


@pytest.fixture(scope="module")
def hours():
    """Return a table of partitions, and which of them a condition leaves."""
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE hours (year TEXT, month TEXT, day TEXT, hour TEXT)")
    rows = [tuple(f"{at:%Y %m %d %H}".split()) for at in HOURS]
    connection.executemany("INSERT INTO hours VALUES (?, ?, ?, ?)", rows)
    yield lambda found: connection.execute(f"SELECT * FROM hours WHERE {found.sql}", found.values).fetchall()
    connection.close()


@given(st.integers(0, 60 * 24 * 60), st.integers(1, 14 * 24 * 60))
def test_exactly_the_windows_partitions_meet_the_condition(hours, start, length):
    begin = YEAR_END + timedelta(minutes=start)
    window = Window(begin, begin + timedelta(minutes=length))

    left = {"-".join(row) for row in hours(partitions(window))}

    assert left == {f"{at:%Y-%m-%d-%H}" for at in HOURS if at + HOUR > window.start and at < window.end}


@given(st.integers(1, 10_000), st.integers(1, 500))
def test_strides_leave_nothing_between_them_and_are_of_bounded_length(length, overlap):
    whole, reach = Window(YEAR_END, YEAR_END + length * HOUR), overlap * HOUR

    found = list(strides(whole, reach, lambda: False))

    assert (found[0].start, found[-1].end) == (whole.start, whole.end)
    assert all(HOUR <= each.end - each.start <= 2 * reach for each in found)
    assert all(later.start == earlier.end - reach < later.end - reach for earlier, later in pairwise(found))


def test_strides_over_years_without_records_are_few():
    whole = Window(datetime(1970, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))

    found = list(strides(whole, 25 * HOUR, lambda: True))

    assert len(found) < 20
    assert all(later.start == earlier.end - 25 * HOUR for earlier, later in pairwise(found))


def test_whole_days_of_a_month_are_one_term():
    year = Window(datetime(2023, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC))

    assert partitions(year).sql.count(" OR ") == 11


def test_moments_are_bound_in_utc_as_records_hold_them():
    moment = datetime.fromisoformat("2024-05-17T09:30:00.125+02:00")

    assert as_stored(moment) == "2024-05-17T07:30:00.125000000Z"
    assert within(Window(moment, moment), "when").sql == '"when" >= ? AND "when" < ?'


def test_names_become_question_marks_in_their_order():
    found = bind("SELECT 1 WHERE b = :b AND a BETWEEN :a AND :b", {"a": 1, "b": "x"}, "q.sql")

    assert found == Bound("SELECT 1 WHERE b = ? AND a BETWEEN ? AND ?", ("x", 1, "x"))


@pytest.mark.parametrize("text", ["':a ? ;'", "'it''s :a'", '":a"', "-- :a ? ;\n", "/* :a\n? */", "a::b", "x[1:2]"])
def test_what_is_quoted_or_a_comment_holds_no_parameter(text):
    assert bind(f"SELECT {text} FROM raw", {}, "q.sql") == Bound(f"SELECT {text} FROM raw")


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT :c", "q.sql: :c has no value.* there is a, b"),
        ("SELECT ?", "neither [?] nor ;"),
        ("SELECT 1; DROP TABLE raw", "neither [?] nor ;"),
    ],
)
def test_a_query_that_cannot_be_bound_is_refused_by_file(sql, message):
    with pytest.raises(ConfigurationError, match=message):
        bind(sql, {"b": 1, "a": 2}, "q.sql")


@pytest.mark.parametrize("text", ["x" * 1023, "'" * 512])
def test_a_value_longer_than_athena_takes_is_refused_by_name(text):
    bind("SELECT 1 WHERE a = :a", {"a": text[:-1]}, "q.sql")

    with pytest.raises(ConfigurationError, match=r"q.sql: the value of :a is longer than 1024"):
        bind("SELECT 1 WHERE a = :a", {"a": text}, "q.sql")


def test_each_value_is_one_literal():
    assert Bound("", ("a'b\\", -40.0, 7, True)).literals == ["'a''b\\'", "-40.0", "7", "true"]


@pytest.mark.parametrize("database", ["", "a b", 'a"."b', "a-b"])
def test_a_database_of_another_form_is_refused(database):
    with pytest.raises(ConfigurationError, match="DATABASE"):
        table(database, "raw")


@pytest.mark.parametrize("event", [{}, {"source": "aws.events", "detail-type": "Scheduled Event", "time": "x"}])
def test_a_schedule_asks_for_the_next_window(event):
    assert read_request(event, {}) == Request()


RANGE = {"from": "2024-05-17T09:00:00Z", "until": "2024-05-17T12:00:00+02:00"}


def test_a_range_is_read_in_utc():
    found = read_request({**RANGE, "again": True, "parameters": {"least": 3}}, {"least": -40.0})

    assert found.window == Window(datetime(2024, 5, 17, 9, tzinfo=UTC), datetime(2024, 5, 17, 10, tzinfo=UTC))
    assert (found.again, found.parameters) == (True, {"least": 3.0})


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({"until": RANGE["until"]}, "must say from and until"),
        ({"again": True}, "must say from and until"),
        ({"parameters": {"least": 1}}, "must say from and until"),  # or the mark would move over what they leave out
        ({**RANGE, "form": 1}, "asks for 'form'; it may hold again, from, parameters, until"),
        ({**RANGE, "from": "2024-05-17T09:00:00"}, "from must be a date, a time and Z"),
        ({**RANGE, "from": "' OR 1=1"}, "from must be a date"),
        ({**RANGE, "from": 7}, "from must be a date"),
        ({**RANGE, "from": "1969-12-31T00:00:00Z"}, "from 1970 on"),
        ({**RANGE, "from": RANGE["until"]}, "from must lie before its until"),
        ({**RANGE, "again": "no"}, "again must be true or false"),
        ({**RANGE, "parameters": [1]}, "parameters must be an object"),
        ({**RANGE, "parameters": {"most": 1}}, "no parameter most. Declared are least, name, on"),
        ({**RANGE, "parameters": {"least": "1"}}, "least must be a float"),
        ({**RANGE, "parameters": {"on": 1}}, "on must be a bool"),
        ({**RANGE, "parameters": {"name": 1}}, "name must be a str"),
    ],
)
def test_an_event_that_asks_for_what_cannot_be_is_refused(event, message):
    with pytest.raises(ConfigurationError, match=message):
        read_request(event, {"least": -40.0, "name": "a", "on": True})


@given(st.lists(st.integers(1, 400), min_size=1, max_size=60))
def test_messages_hold_every_record_in_order_and_as_many_as_fit(sizes):
    parcels = [Parcel(str(number), "p", json.dumps("x" * size)) for number, size in enumerate(sizes)]

    found = list(pack(parcels, limit=500))

    assert [parcel for message in found for parcel in message.parcels] == parcels
    for message, after in zip(found, [*found[1:], None], strict=True):
        assert len(json.loads(message.body)["records"]) == len(message.parcels)
        assert len(message.body) <= 500
        assert after is None or len(message.body) + 1 + len(after.parcels[0].text) > 500


def test_text_of_every_script_travels_in_ascii():
    parcel = as_parcel({"id": "a", "objectKey": KEY, "name": "kōri \x01 ❄"})

    assert parcel.text.isascii()
    assert json.loads(parcel.text)["name"] == "kōri \x01 ❄"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": 7}, "its id is no text"),
        ({"id": ""}, "its id is no text"),
        ({"id": "x" * 1025}, "its id is no text"),
        ({"objectKey": "elsewhere/a.json"}, "its objectKey is not"),
        ({"objectKey": f"{KEY}/../../b"}, "its objectKey is not"),
        ({"ratio": float("nan")}, "a number that JSON has no words for"),
        ({"ratio": float("inf")}, "a number that JSON has no words for"),
        ({"text": "x" * MESSAGE_BYTES}, "larger than a message"),
    ],
)
def test_a_record_that_cannot_be_sent_says_why(changes, reason):
    with pytest.raises(UnsendableError, match=reason):
        as_parcel({"id": "a", "objectKey": KEY, **changes})
