"""The SQL that the engine writes around a model's SELECT list."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from transformation.star_schema.relations import RAW, ROLE, Relation
from transformation.star_schema.types import TEXT
from utils.model import CALENDAR, Lookup, Model
from utils.postgres.names import identifier, literal

EXACT_NUMBERS = ("smallint", "integer", "bigint", "numeric")
PADDED = ("character(", "bpchar")
BEYOND = {"DECIMAL", "DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"}  # types that hold fewer values than PostgreSQL's
EMITTED = f"{identifier(ROLE)} IN ('changed', 'affected')"


def from_clause(model: Model, lookups: Sequence[Lookup], relations: Mapping[str, Relation], lenient: bool) -> str:
    """Return FROM and the joins of a model's header; only changed and affected driving rows are emitted."""
    driving = relations[model.alias]
    rows = driving.lenient if lenient else driving.strict
    clause = f"FROM (SELECT * FROM {rows} WHERE {EMITTED}) AS {identifier(model.alias)}"
    for lookup in lookups:
        found = relations[lookup.alias]
        on = " AND ".join(_pair(lookup, a, b, relations, lenient) for a, b in zip(lookup.on, lookup.key, strict=True))
        clause += f" LEFT JOIN {found.lenient if lenient else found.strict} AS {identifier(lookup.alias)} ON {on}"
    return clause


@dataclass(frozen=True)
class _Side:
    """One column of a join."""

    alias: str
    column: str
    relation: Relation
    lenient: bool

    @property
    def kind(self) -> str:
        """Its DuckDB type."""
        return self.relation.types[self.column]

    @property
    def value(self) -> str:
        """The column in SQL."""
        return f"{identifier(self.alias)}.{identifier(self.column)}"

    @property
    def text(self) -> str:
        """Its value as text, also where its type cannot hold it."""
        text = f"CAST({self.value} AS VARCHAR)"
        raw = f"{identifier(self.alias)}.{identifier(RAW + self.column)}"
        return f"coalesce({text}, {raw})" if self.lenient and self.kind != TEXT else text

    def is_any_of(self, types: tuple[str, ...]) -> bool:
        """Tell whether its PostgreSQL type is one of these."""
        return self.relation.postgres_types[self.column].startswith(types)


def _pair(lookup: Lookup, on: str, key: str, relations: Mapping[str, Relation], lenient: bool) -> str:
    """Return the condition that two columns hold what PostgreSQL calls equal."""
    left = _Side(lookup.parent, on, relations[lookup.parent], lenient)
    right = _Side(lookup.alias, key, relations[lookup.alias], lenient)
    families = {side.kind.partition("(")[0] for side in (left, right)}
    beyond = lenient and len(families) == 1 and families <= BEYOND
    if TEXT not in families and not beyond:
        return f"{left.value} = {right.value}"
    if left.is_any_of(EXACT_NUMBERS) and right.is_any_of(EXACT_NUMBERS):
        return f"{_shortest(left.text)} = {_shortest(right.text)}"
    return f"{_unpadded(left)} = {_unpadded(right)}"


def _shortest(number: str) -> str:
    """Return a number's text without the zeros by which 1.00 differs from 1."""
    return f"CASE WHEN contains({number}, '.') THEN rtrim(rtrim({number}, '0'), '.') ELSE {number} END"


def _unpadded(side: _Side) -> str:
    return f"rtrim({side.text}, ' ')" if side.is_any_of(PADDED) else side.text


def late_flag(model: Model, relations: Mapping[str, Relation], cursor: str | None, mark: str | None) -> str:
    """Return the expression that tells a changed row which the cursor column alone would have missed."""
    if cursor is None or mark is None:
        return "false"
    kind, alias = relations[model.alias].types[cursor], identifier(model.alias)
    is_late = f"{alias}.{identifier(cursor)} <= TRY_CAST({literal(mark)} AS {kind})"
    return f"coalesce({alias}.{identifier(ROLE)} = 'changed' AND {is_late}, false)"


def unreadable(alias: str, column: str, relations: Mapping[str, Relation]) -> str:
    """Return the condition that a value's text did not cast to its column's type."""
    if relations[alias].types[column] == TEXT:
        return "false"
    quoted = identifier(alias)
    return f"({quoted}.{identifier(column)} IS NULL AND {quoted}.{identifier(RAW + column)} IS NOT NULL)"


def calendar_rows(first: str, last: str) -> str:
    """Return the calendar's driving relation: one row a day."""
    days = f"generate_series(DATE {literal(first)}, DATE {literal(last)}, INTERVAL 1 DAY)"
    return f"FROM (SELECT CAST(unnest({days}) AS DATE) AS date) AS {identifier(CALENDAR)}"


def constant(value: Any) -> str:
    """Return a header's TOML value as a SQL constant."""
    if isinstance(value, bool | int | float):
        return repr(value).lower()
    if isinstance(value, datetime.datetime):
        return f"TIMESTAMP {literal(value.isoformat(sep=' '))}"
    if isinstance(value, datetime.date):
        return f"DATE {literal(value.isoformat())}"
    return literal(str(value))
