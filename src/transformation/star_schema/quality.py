"""Data tests: the conditions under which an output row goes to quarantine, each with its reason."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from transformation.star_schema.sql import constant
from utils.manifest import WarehouseTable
from utils.model import CALENDAR, Model
from utils.postgres.names import identifier


@dataclass(frozen=True)
class DataTest:
    """One test: `fails` is a SQL condition over the output columns, `is_null` how an absent value shows."""

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
    return [*tests, *_accepted(model), *_ranges(model), *_calendar(model, models, years)]


def _accepted(model: Model) -> Iterator[DataTest]:
    for column, values in model.tests.accepted:
        allowed = ", ".join(map(constant, values))
        fails = f"{identifier(column)} NOT IN ({allowed})"
        yield DataTest("accepted", column, f"{column} is not one of {', '.join(map(str, values))}", fails)


def _ranges(model: Model) -> Iterator[DataTest]:
    for column, low, high in model.tests.range:
        fails = f"{identifier(column)} NOT BETWEEN {constant(low)} AND {constant(high)}"
        yield DataTest("range", column, f"{column} is not from {low} to {high}", fails)


def _calendar(model: Model, models: Mapping[str, Model], years: tuple[int, int]) -> Iterator[DataTest]:
    for column in calendar_columns(model, models):
        first, last = f"DATE '{years[0]:04}-01-01'", f"DATE '{years[1]:04}-12-31'"
        fails = f"{identifier(column)} NOT BETWEEN {first} AND {last}"
        yield DataTest("calendar", column, f"{column} is not in the years {years[0]} to {years[1]}", fails)


def calendar_columns(model: Model, models: Mapping[str, Model]) -> list[str]:
    """Return the model's columns that hold a calendar's day."""
    return [r.columns[0] for r in model.references if models[r.table].kind == CALENDAR]
