"""A column's rules as tests of its values, one by one where not all of many pass."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from transformation.records.batch import Values
from transformation.records.quick_checks import AllPass, all_pass
from transformation.records.types import (
    IS_OF,
    ColumnType,
    Comparable,
    Family,
    read_type,
    to_integer,
    to_moment,
    to_number,
)
from utils.errors import ConfigurationError
from utils.file_table import FileColumn, FileTable

LONG_SLICE, SHORT_SLICE = 128, 8  # values judged together to find the bad ones, of which there should be few

ToComparable = Callable[[str], Comparable]
ORDERED: Mapping[Family, ToComparable] = {
    Family.INTEGER: to_integer,
    Family.NUMBER: to_number,
    Family.MOMENT: to_moment,
}


@dataclass(frozen=True)
class Test:
    """One rule, for one value."""

    rule: str
    reason: str
    passes: Callable[[str], bool]


@dataclass(frozen=True)
class Fault:
    """The first rule of a column that a record breaks."""

    column: str
    rule: str
    reason: str


@dataclass(frozen=True)
class ColumnCheck:
    """What a column's values must be."""

    column: FileColumn
    tests: Sequence[Test]
    all_pass: AllPass

    def cleaned(self, values: Values) -> Values:
        """Return the values trimmed, and with the default where there is none."""
        if self.column.trim:
            values = [(value.strip() or None) if value else value for value in values]
        if self.column.default is not None and None in values:
            values = [self.column.default if value is None else value for value in values]
        return values

    def faults(self, values: Values) -> dict[int, Fault]:
        """Return what is wrong with each bad value, by its place."""
        present = [value for value in values if value is not None] if None in values else values
        faults = {} if self.all_pass(present) else self._find_faults(values, 0, LONG_SLICE)
        if self.column.rules.required and len(present) < len(values):
            missing = Fault(self.column.name, "required", f"{self.column.name} is required")
            faults |= {place: missing for place, value in enumerate(values) if value is None}
        return faults

    def _find_faults(self, values: Values, first: int, size: int) -> dict[int, Fault]:
        faults: dict[int, Fault] = {}
        for start in range(0, len(values), size):
            some = values[start : start + size]
            present = [value for value in some if value is not None] if None in some else some
            if self.all_pass(present):
                continue
            if size == LONG_SLICE:
                faults |= self._find_faults(some, start, SHORT_SLICE)
                continue
            faults |= {first + start + place: fault for place, value in enumerate(some) if (fault := self.fault(value))}
        return faults

    def fault(self, value: str | None) -> Fault | None:
        """Return what is wrong with one value; NULL is judged elsewhere."""
        if value is None:
            return None
        broken = next((test for test in self.tests if not test.passes(value)), None)
        return Fault(self.column.name, broken.rule, f"{self.column.name} {broken.reason}") if broken else None


def build_checks(table: FileTable) -> list[ColumnCheck]:
    """Return a check for each column, or raise ConfigurationError for rules that its type cannot obey."""
    return [_build_check(column, f"files/{table.folder}.toml: column {column.name!r}") for column in table.columns]


def _build_check(column: FileColumn, where: str) -> ColumnCheck:
    kind = read_type(column.type)
    tests = [Test("type", f"is no {column.type}", _of_type(kind))]
    tests += _bounds(column, kind, where)
    tests += _text_tests(column)
    check = ColumnCheck(column, tests, all_pass(column, kind))
    if fault := check.fault(column.default):
        raise ConfigurationError(f"{where}: default is {column.default!r}, but {fault.reason}. Make the two agree.")
    return check


def _of_type(kind: ColumnType) -> Callable[[str], bool]:
    is_of, limit, length = IS_OF[kind.family], kind.limit, kind.length
    if length is not None:
        return lambda text: len(text) <= length or len(text.rstrip(" ")) <= length  # as PostgreSQL cuts them
    if limit is None:
        return is_of
    to = ORDERED[kind.family]
    # An integer's least value is one further from zero than its greatest.
    lowest = -limit - 1 if kind.family is Family.INTEGER else -limit  # type: ignore[operator]
    return lambda text: is_of(text) and (_is_nan(to(text)) or lowest < to(text) < limit)  # type: ignore[operator]


def _is_nan(value: Comparable) -> bool:
    return value != value  # noqa: PLR0124 - of all values only NaN; math.isnan knows no large integers


def _bounds(column: FileColumn, kind: ColumnType, where: str) -> list[Test]:
    tests = []
    for rule, bound, words in (
        ("minimum", column.rules.minimum, "at least"),
        ("maximum", column.rules.maximum, "at most"),
    ):
        if bound is not None:
            limit = _to_bound(bound, kind, f"{where}: {rule}")
            tests.append(Test(rule, f"must be {words} {bound}", _keeps(rule, limit, ORDERED[kind.family])))
    least, most = column.rules.minimum, column.rules.maximum
    if most is not None and any(test.rule == "minimum" and not test.passes(most) for test in tests):
        raise ConfigurationError(f"{where}: minimum {least} is above maximum {most}, so no value passes. Swap them.")
    return tests


def _to_bound(text: str, kind: ColumnType, where: str) -> Comparable:
    if kind.family not in ORDERED:
        raise ConfigurationError(f"{where} needs a column of numbers, dates or timestamps. Take it out.")
    try:
        return to_moment(text) if kind.family is Family.MOMENT else to_number(text)
    except ValueError as error:
        raise ConfigurationError(f"{where} is {text!r}, which is no value of its column's type.") from error


def _keeps(rule: str, limit: Comparable, to: ToComparable) -> Callable[[str], bool]:
    def keeps(text: str) -> bool:
        try:
            value = to(text)
        except ValueError:
            return False  # a moment in words that only PostgreSQL knows cannot be compared here
        if _is_nan(value):
            return rule == "minimum"  # PostgreSQL has NaN above all numbers
        return value >= limit if rule == "minimum" else value <= limit  # type: ignore[operator]

    return keeps


def _text_tests(column: FileColumn) -> list[Test]:
    rules, tests = column.rules, []
    if rules.allowed:
        allowed = frozenset(rules.allowed)
        tests.append(Test("allowed", f"must be one of {', '.join(rules.allowed)}", lambda text: text in allowed))
    if (most := rules.max_length) is not None:  # first, since a pattern may take for ever over a long text
        tests.append(Test("max_length", f"must have at most {most} characters", lambda text: len(text) <= most))
    if rules.pattern is not None:
        pattern = re.compile(rules.pattern)
        tests.append(Test("pattern", f"must match {rules.pattern}", lambda text: bool(pattern.fullmatch(text))))
    return tests
