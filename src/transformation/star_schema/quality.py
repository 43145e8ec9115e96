"""Data tests: the conditions under which an output row goes to quarantine, each with its reason."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from transformation.star_schema.sql import constant
from transformation.star_schema.types import TEXT, to_duckdb
from utils.manifest import WarehouseTable
from utils.model import CALENDAR, Model
from utils.postgres.names import identifier, literal

READABLE = {
    "numeric": "TRY_CAST({} AS DOUBLE) IS NULL",
    "uuid": "TRY_CAST({} AS UUID) IS NULL",
    "json": "NOT json_valid({})",
    "jsonb": "NOT json_valid({})",
}


@dataclass(frozen=True)
class DataTest:
    """One test: `fails` is a SQL condition over the output columns."""

    rule: str
    column: str
    reason: str
    fails: str

    @property
    def is_not_null(self) -> bool:
        """Tell whether the test is about absence, which a value kept as exact text does not fail."""
        return self.rule == "not_null"


def data_tests(
    model: Model, table: WarehouseTable, models: Mapping[str, Model], years: tuple[int, int]
) -> list[DataTest]:
    """Return every test of a model, those that follow from its key and calendar included."""
    tests = [
        DataTest("not_null", column.name, f"{column.name} is null", f"{identifier(column.name)} IS NULL")
        for column in table.columns
        if column.not_null
    ]
    types = {column.name: column.type for column in table.columns}
    return [
        *tests,
        *_declared(model, types),
        *_accepted(model, types),
        *_ranges(model, types),
        *_calendar(model, models, years),
    ]


def check_tests(
    connection: duckdb.DuckDBPyConnection, model: Model, table: WarehouseTable, tests: list[DataTest]
) -> None:
    """Refuse a test that its column's type cannot answer, such as a number's range of a text."""
    columns = ", ".join(f"CAST(NULL AS {to_duckdb(c.type)}) AS {identifier(c.name)}" for c in table.columns)
    for test in tests:
        try:
            if not test.is_not_null:
                connection.execute(f"SELECT count(*) FILTER (WHERE {test.fails}) FROM (SELECT {columns})").fetchall()
        except duckdb.Error as error:
            reason = str(error).split("\n", maxsplit=1)[0]
            message = f"has a {test.rule} test that the type of {test.column} cannot answer: {reason}"
            raise model.error(message, test.column) from error


def key_text(column: str, text: str, tests: Iterable[DataTest]) -> str:
    """Return a key's text, NULL where the warehouse could not read it as the type that the model declares."""
    failing = " OR ".join(f"({test.fails})" for test in tests if test.rule == "type" and test.column == column)
    return f"CASE WHEN NOT ({failing}) THEN {text} END" if failing else text


def key_json(key: Mapping[str, str], source: Mapping[str, str]) -> str:
    """Return the key of a refused row as JSON, and with it the source row's where the model's is not known."""
    unknown = " OR ".join(f"{text} IS NULL" for text in key.values()) or "false"
    return f"CASE WHEN {unknown} THEN to_json({_struct({**key, **source})}) ELSE to_json({_struct(key)}) END"


def _struct(values: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{identifier(name)}: {value}" for name, value in values.items()) + "}"


def problem(rule: str, reason: str) -> str:
    """Return what a row broke, as the value that stands beside it."""
    return _struct({"rule": literal(rule), "reason": literal(reason)})


def _declared(model: Model, types: Mapping[str, str]) -> Iterator[DataTest]:
    """Yield the tests that follow from types which DuckDB holds as text, so that the warehouse can read each value."""
    for column in dict(model.types):
        quoted, kind = identifier(column), types[column]
        limit = re.match(r"(?:varchar|character varying)\((\d+)\)\Z", kind)
        if limit:
            yield DataTest("type", column, f"{column} is too long for {kind}", f"length({quoted}) > {limit.group(1)}")
        elif to_duckdb(kind) == TEXT and (unreadable := READABLE.get(kind.partition("(")[0])):
            fails = f"{quoted} IS NOT NULL AND {unreadable.format(quoted)}"
            yield DataTest("type", column, f"{column} is not a {kind}", fails)


def _accepted(model: Model, types: Mapping[str, str]) -> Iterator[DataTest]:
    for column, values in model.tests.accepted:
        allowed = ", ".join(map(constant, values))
        fails = f"{_comparable(column, types, values)} NOT IN ({allowed})"
        yield DataTest("accepted", column, f"{column} is not one of {', '.join(map(str, values))}", fails)


def _ranges(model: Model, types: Mapping[str, str]) -> Iterator[DataTest]:
    for column, low, high in model.tests.range:
        fails = f"{_comparable(column, types, (low, high))} NOT BETWEEN {constant(low)} AND {constant(high)}"
        yield DataTest("range", column, f"{column} is not from {low} to {high}", fails)


def _comparable(column: str, types: Mapping[str, str], values: tuple[Any, ...]) -> str:
    """Return the column as a number where it is a numeric too wide for DuckDB, which arrives as text."""
    as_text = types[column].startswith("numeric") and to_duckdb(types[column]) == TEXT
    numbers = all(isinstance(value, int | float) for value in values)
    return f"TRY_CAST({identifier(column)} AS DOUBLE)" if as_text and numbers else identifier(column)


def _calendar(model: Model, models: Mapping[str, Model], years: tuple[int, int]) -> Iterator[DataTest]:
    for column in calendar_columns(model, models):
        first, last = f"DATE '{years[0]:04}-01-01'", f"DATE '{years[1]:04}-12-31'"
        fails = f"{identifier(column)} NOT BETWEEN {first} AND {last}"
        yield DataTest("calendar", column, f"{column} is not in the years {years[0]} to {years[1]}", fails)


def calendar_columns(model: Model, models: Mapping[str, Model]) -> list[str]:
    """Return the model's columns that hold a calendar's day."""
    return [r.columns[0] for r in model.references if models[r.table].kind == CALENDAR]
