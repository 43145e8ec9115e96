"""Bad rows go to quarantine with their reason; the rest of the batch goes on."""

import pytest

from tests.factories import Stage, source, sql_model, write_project
from utils.errors import DuplicateKeyError, ModelError

TYPES = {"id": "integer", "name": "text", "amount": "numeric(10,2)", "day": "text", "wide": "numeric"}
ITEM = source("item", TYPES)
CALENDAR = sql_model("SELECT calendar.date AS date_id", driving=None, kind="calendar", key="date_id")


def item(number=1, **changes):
    return tuple((dict.fromkeys(TYPES) | {"id": number} | changes).values())


@pytest.fixture
def run(tmp_path):
    def transform(body, *rows, **header):
        models = {"dim_item.sql": sql_model(body, **header), "dim_date.sql": CALENDAR}
        stage = Stage(write_project(tmp_path / "project", models), tmp_path)
        stage.land(ITEM.holding(*rows))
        stage.transform()
        return stage

    return transform


def test_an_expression_that_fails_takes_only_its_row(run):
    done = run("SELECT item.id, CAST(item.day AS date) AS day", item(1, day="2024-02-30"), item(2, day="2024-02-29"))

    assert [row[0] for row in done.rows("dim_item")] == [2]
    assert done.quarantined("dim_item") == [
        {
            "model": "dim_item",
            "key": {"id": "1"},
            "rule": "cast",
            "reason": "day could not be computed",
            "row": {"id": "1", "name": None, "amount": None, "day": "2024-02-30", "wide": None},
        }
    ]


def test_two_columns_of_one_failing_expression_still_take_only_their_row(run):
    body = "SELECT item.id, CAST(item.day AS date) AS day, year(CAST(item.day AS date)) AS year"

    done = run(body, item(1, day="soon"), item(2, day="2024-02-29"))

    assert [row[0] for row in done.rows("dim_item")] == [2]


def test_an_expression_over_a_value_that_cannot_be_held_is_quarantined_not_null(run):
    done = run("SELECT item.id, coalesce(item.amount, 0) AS amount", item(1, amount="NaN"), item(2))

    assert [row[0] for row in done.rows("dim_item")] == [2]
    assert done.quarantined("dim_item")[0]["row"]["amount"] == "NaN"


@pytest.mark.parametrize(
    ("tests", "bad", "rule", "reason"),
    [
        ('not_null = ["name"]', {}, "not_null", "name is null"),
        ('accepted = { name = ["a", "b"] }', {"name": "c"}, "accepted", "name is not one of a, b"),
        ("range = { amount = [0, 10.5] }", {"name": "a", "amount": "10.51"}, "range", "amount is not from 0 to 10.5"),
        ("range = { amount = [0, 10] }", {"name": "a", "amount": "NaN"}, "range", "amount is not from 0 to 10"),
        ("range = { wide = [0, 10] }", {"name": "a", "wide": "10.5"}, "range", "wide is not from 0 to 10"),
        ("range = { wide = [0, 10] }", {"name": "a", "wide": "NaN"}, "range", "wide is not from 0 to 10"),
    ],
)
def test_a_row_that_fails_a_data_test_is_quarantined_with_its_output(run, tests, bad, rule, reason):
    good = item(2, name="a", amount="1.00", wide="2.5")

    done = run("SELECT item.id, item.name, item.amount, item.wide", item(1, **bad), good, more=f"[tests]\n{tests}")

    assert [row[0] for row in done.rows("dim_item")] == [2]
    assert [(found["rule"], found["reason"]) for found in done.quarantined("dim_item")] == [(rule, reason)]


def test_a_null_passes_tests_of_values(run):
    done = run("SELECT item.id, item.name", item(1), more='[tests]\naccepted = { name = ["a"] }')

    assert done.rows("dim_item") == [(1, None)]


def test_a_key_may_not_be_null(run):
    done = run("SELECT CAST(item.name AS integer) AS id", item(1), item(2, name="7"))

    assert done.rows("dim_item") == [(7,)]
    assert done.quarantined("dim_item")[0]["rule"] == "not_null"


@pytest.mark.parametrize(
    ("kind", "bad", "good"),
    [
        ("varchar(3)", "abcd", "abc"),
        ("uuid", "x", "9b2f4a3e-58c1-4a8c-9f0e-6f0a2a1c7d11"),
        ("json", "{", '{"a": 1}'),
        ("numeric", "ten", "10"),
        ("date", "2024-02-30", "2024-02-29"),
    ],
)
def test_a_value_that_its_declared_type_cannot_hold_is_quarantined(run, kind, bad, good):
    rows = item(1, name=bad), item(2, name=good)

    done = run("SELECT item.id, item.name", *rows, more=f'types = {{ name = "{kind}" }}')

    assert [row[0] for row in done.rows("dim_item")] == [2]
    assert [found["key"] for found in done.quarantined("dim_item")] == [{"id": "1"}]


def test_a_date_outside_the_calendars_years_is_quarantined(run):
    more = '[references]\nday = "dim_date"'
    rows = item(1, day="0202-04-01"), item(2, day="2024-04-01"), item(3, day="infinity")

    done = run("SELECT item.id, CAST(item.day AS date) AS day", *rows, more=more)

    assert [row[0] for row in done.rows("dim_item")] == [2]
    assert {found["reason"] for found in done.quarantined("dim_item")} == {"day is not in the years 1900 to 2100"}


def test_a_row_that_the_where_drops_is_not_quarantined_for_what_it_holds(run):
    body = "SELECT item.id, CAST(item.day AS date) AS day WHERE item.name = 'keep'"

    done = run(body, item(1, name="drop", day="never"), item(2, name="keep", day="never"))

    assert done.gone("dim_item") == [(1,)]
    assert [found["key"] for found in done.quarantined("dim_item")] == [{"id": "2"}]


def test_a_where_that_cannot_be_computed_quarantines_its_row(run):
    done = run("SELECT item.id WHERE item.amount > 1", item(1, amount="NaN"), item(2, amount="2.00"))

    assert done.rows("dim_item") == [(2,)]
    assert [found["rule"] for found in done.quarantined("dim_item")] == ["where"]


def test_the_answer_counts_what_was_transformed_quarantined_and_gone(run, tmp_path):
    models = {"dim_item.sql": sql_model("SELECT item.id, CAST(item.day AS date) AS day WHERE item.name = 'keep'")}
    stage = Stage(write_project(tmp_path / "p", models), tmp_path / "s")
    stage.land(ITEM.holding(item(1, name="keep"), item(2, name="keep", day="never"), item(3), item(4)))

    answer = stage.transform()

    assert answer["tables"] == {"dim_item": {"transformed": 1, "quarantined": 1, "gone": 2}}


def test_a_key_twice_stops_the_run_and_writes_nothing(run, tmp_path):
    with pytest.raises(DuplicateKeyError, match=r"dim_item yields the key \(id\) = \(7\) twice") as refusal:
        run("SELECT CAST(item.name AS integer) AS id", item(1, name="7"), item(2, name="7"))

    assert "dim_item.sql" in str(refusal.value)
    assert not (tmp_path / "processed").exists()


def test_two_keys_held_only_as_exact_text_are_not_one_key_twice(run):
    done = run("SELECT item.amount AS id", item(1, amount="NaN"), item(2, amount="Infinity"))

    assert len(done.rows("dim_item")) == 2


def test_an_error_never_quotes_more_of_a_row_than_its_first_line(run):
    with pytest.raises(ModelError) as refusal:
        run("SELECT item.id, CAST(item.name AS integer[]) AS list", item(1, name="secret"))

    assert "secret" not in str(refusal.value)
