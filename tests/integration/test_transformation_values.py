"""What becomes of single values between a landed CSV and the Parquet."""

import datetime
from decimal import Decimal

import pytest

from tests.factories import Stage, source, sql_model, write_project

TYPES = {
    "id": "integer",
    "name": "text",
    "amount": "numeric(10,2)",
    "at": "timestamp(3) without time zone",
    "day": "date",
    "wide": "numeric",
    "note": "jsonb",
}
ITEM = source("item", TYPES)


def item(**changes):
    return tuple((dict.fromkeys(TYPES) | {"id": 1} | changes).values())


@pytest.fixture
def stage(tmp_path):
    def make(body, **header):
        return Stage(write_project(tmp_path / "project", {"dim_item.sql": sql_model(body, **header)}), tmp_path)

    return make


def transformed(stage, *rows):
    stage.land(ITEM.holding(*rows))
    stage.transform()
    return stage


@pytest.mark.parametrize(
    "text",
    ["", "NULL", "null", "a,b", 'say "so"', "two\nlines", "\r\n", "\\.", "\\N", " padded ", "é😀", "x" * 3_000_000],
)
def test_a_text_arrives_as_it_was(stage, text):
    done = transformed(stage("SELECT item.id, item.name"), item(name=text), item(id=2, name="after"))

    assert done.rows("dim_item") == [(1, text), (2, "after")]


def test_null_and_the_empty_string_stay_apart(stage):
    done = transformed(stage("SELECT item.id, item.name"), item(name=None), item(id=2, name=""))

    assert done.rows("dim_item") == [(1, None), (2, "")]


def test_times_keep_their_milliseconds_and_money_its_cents(stage):
    body = "SELECT item.id, item.amount, CAST(item.at AS date) AS day, CAST(item.at AS time) AS time"

    done = transformed(stage(body), item(amount="1234.50", at="2022-11-03 14:20:52.186"))

    day, time = datetime.date(2022, 11, 3), datetime.time(14, 20, 52, 186000)
    assert done.rows("dim_item") == [(1, Decimal("1234.50"), day, time)]


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("amount", "NaN"),
        ("at", "0044-03-15 00:00:00 BC"),
        ("at", "294276-12-31 23:59:59.999"),
        ("day", "0044-03-15 BC"),
    ],
)
def test_a_passed_through_value_that_duckdb_cannot_hold_arrives_as_exact_text(stage, column, text):
    done = transformed(stage(f"SELECT item.id, item.{column}"), item(**{column: text}), item(id=2))

    assert done.rows("dim_item") == [(1, None, {column: text}), (2, None, {})]
    assert done.quarantined("dim_item") == []


@pytest.mark.parametrize(("column", "text"), [("at", "infinity"), ("day", "-infinity"), ("day", "5874897-12-31")])
def test_a_passed_through_value_beyond_pythons_dates_arrives(stage, column, text):
    done = transformed(stage(f"SELECT item.id, item.{column}"), item(**{column: text}))

    assert done.rows("dim_item", columns=f'CAST("{column}" AS VARCHAR)') == [(text,)]


@pytest.mark.parametrize("text", ["12345678901234567890.123456789012345678901234567890", "NaN", "0.00", "-0"])
def test_a_numeric_without_limits_arrives_digit_by_digit(stage, text):
    done = transformed(stage("SELECT item.id, item.wide"), item(wide=text))

    assert done.rows("dim_item") == [(1, text)]
    assert done.table("dim_item").columns[1].type == "numeric"


def test_files_without_exact_texts_have_no_column_for_them(stage):
    done = transformed(stage("SELECT item.id, item.amount"), item(amount="1.00"))

    assert done.rows("dim_item", columns="*") == [(1, Decimal("1.00"), False)]


def test_a_computed_integer_too_large_for_bigint_keeps_every_digit(stage):
    done = transformed(stage("SELECT item.id, CAST(item.wide AS hugeint) AS huge"), item(wide="12345678901234567891"))

    assert done.rows("dim_item") == [(1, Decimal("12345678901234567891"))]
    assert done.table("dim_item").columns[1].type == "numeric(38,0)"


def test_a_declared_type_is_the_warehouse_columns_and_the_values(stage):
    more = 'types = { name = "int", wide = "numeric(12, 2)" }'

    done = transformed(stage("SELECT item.id, item.name, item.wide", more=more), item(name="7", wide="1.5"))

    assert [column.type for column in done.table("dim_item").columns] == ["integer", "integer", "numeric(12,2)"]
    assert done.rows("dim_item") == [(1, 7, Decimal("1.50"))]


def test_json_stays_json(stage):
    done = transformed(stage("SELECT item.id, item.note"), item(note='{"a": [1, null]}'))

    assert done.rows("dim_item") == [(1, '{"a": [1, null]}')]
    assert done.table("dim_item").columns[1].type == "jsonb"


def test_a_row_larger_than_duckdbs_line_limit_arrives(stage):
    done = transformed(stage("SELECT item.id, item.name"), item(name="y" * 20_000_000), item(id=2, name="z"))

    assert done.rows("dim_item", columns="id, length(name)") == [(1, 20_000_000), (2, 1)]
