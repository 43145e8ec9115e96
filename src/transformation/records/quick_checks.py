"""A column's rules as tests of many values at once, which is how nearly all of a good file is judged."""

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from transformation.records.types import IS_OF, ColumnType, Family, are_uuids, to_moment
from utils.file_table import FileColumn

AllPass = Callable[[Sequence[Any]], bool]


def all_pass(column: FileColumn, kind: ColumnType) -> AllPass:
    """Return the quick tests of many values, each of which may doubt a good value but passes no bad one."""
    rules = column.rules
    quick = [_all_of_type(column, kind)]
    if rules.allowed:
        quick.append(frozenset(rules.allowed).issuperset)
    lengths = [length for length in (rules.max_length, kind.length) if length is not None]
    if lengths:
        quick.append(lambda texts: max(map(len, texts), default=0) <= min(lengths))
    if rules.pattern is not None:
        match = re.compile(rules.pattern).fullmatch
        quick.append(lambda texts: all(map(match, set(texts))))
    return lambda texts: all(test(texts) for test in quick)


def _all_of_type(column: FileColumn, kind: ColumnType) -> AllPass:
    is_of = IS_OF[kind.family]
    match kind.family:
        case Family.INTEGER | Family.NUMBER:
            return _all_numbers(column, kind)
        case Family.MOMENT:
            return _all_moments(column)
        case Family.UUID:
            return are_uuids
        case Family.TEXT | Family.OTHER:
            return lambda _texts: True
        case _:
            return lambda texts: all(map(is_of, set(texts)))


def _all_numbers(column: FileColumn, kind: ColumnType) -> AllPass:
    to: Callable[[str], float] = int if kind.family is Family.INTEGER else float
    lowest, highest = _range(column, kind)

    def all_numbers(texts: Sequence[str]) -> bool:
        try:
            numbers = list(map(to, texts))
        except ValueError:
            return False
        # Strictly between: a float on a bound may stand for a text a little past it. NaN makes the sum one.
        total = sum(numbers)
        return not numbers or (total == total and lowest < min(numbers) and max(numbers) < highest)  # noqa: PLR0124

    return all_numbers


def _range(column: FileColumn, kind: ColumnType) -> tuple[float, float]:
    limit = float("inf") if kind.limit is None else float(kind.limit)  # type: ignore[arg-type]
    lows = [-limit, *(float(text) for text in (column.rules.minimum,) if text is not None)]
    highs = [limit, *(float(text) for text in (column.rules.maximum,) if text is not None)]
    return max(lows), min(highs)


def _all_moments(column: FileColumn) -> AllPass:
    bounds = [to_moment(text) if text else None for text in (column.rules.minimum, column.rules.maximum)]

    def all_moments(texts: Sequence[str]) -> bool:
        try:
            moments = list(map(datetime.fromisoformat, texts))
            return not moments or _are_between(moments, *bounds)
        except (ValueError, TypeError):  # TypeError: some name a zone, some do not
            return False

    return all_moments


def _are_between(moments: Sequence[datetime], first: datetime | None, last: datetime | None) -> bool:
    if first is None and last is None:
        return True
    earliest, latest = min(moments), max(moments)
    return (first is None or earliest >= first) and (last is None or latest <= last)
