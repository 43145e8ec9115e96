"""The SQL that the engine writes around a model's SELECT list."""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from transformation.star_schema.relations import RAW, ROLE, Relation
from transformation.star_schema.types import TEXT
from utils.model import CALENDAR, Lookup, Model
from utils.postgres.names import identifier, literal

EMITTED = f"{identifier(ROLE)} IN ('changed', 'affected')"


def from_clause(model: Model, lookups: Sequence[Lookup], relations: Mapping[str, Relation], lenient: bool) -> str:
    """Return FROM and the joins of a model's header; only changed and affected driving rows are emitted."""
    driving = relations[model.alias]
    rows = driving.lenient if lenient else driving.strict
    clause = f"FROM (SELECT * FROM {rows} WHERE {EMITTED}) AS {identifier(model.alias)}"
    for lookup in lookups:
        found = relations[lookup.alias]
        on = " AND ".join(_pair(lookup, a, b, relations) for a, b in zip(lookup.on, lookup.key, strict=True))
        clause += f" LEFT JOIN {found.lenient if lenient else found.strict} AS {identifier(lookup.alias)} ON {on}"
    return clause


def _pair(lookup: Lookup, on: str, key: str, relations: Mapping[str, Relation]) -> str:
    left = f"{identifier(lookup.parent)}.{identifier(on)}"
    right = f"{identifier(lookup.alias)}.{identifier(key)}"
    if TEXT in (relations[lookup.parent].types[on], relations[lookup.alias].types[key]):
        return f"CAST({left} AS VARCHAR) = CAST({right} AS VARCHAR)"
    return f"{left} = {right}"


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
