"""Rows that a run reads again by their key, changed or not."""

from collections.abc import Iterable, Mapping

from extraction.database.closure import Condition
from utils.errors import ConfigurationError
from utils.manifest import Column, SourceTable
from utils.postgres.names import identifier, literal

RowKeys = Mapping[str, str]
"""The text of each column by which one row is named."""


def named(table: SourceTable, rows: Iterable[RowKeys]) -> Condition:
    """Return the condition that a row of the table is one of those named."""
    columns = {column.name: column for column in table.columns}
    keys = list(rows)
    for name in {name for key in keys for name in key}:
        if name not in columns:
            raise ConfigurationError(f"{table.name} has no column {name}, by which a row is to be read again.")

    def condition(alias: str) -> str:
        parts = (" AND ".join(_equals(columns[name], text, alias) for name, text in key.items()) for key in keys)
        return " OR ".join(f"({part})" for part in parts)

    return condition


def _equals(column: Column, text: str, alias: str) -> str:
    """Compare by the column's own type, which an index serves; what is no built-in type arrives as text."""
    if column.declared == column.type:
        return f"{alias}.{identifier(column.name)} = {literal(text)}::{column.type}"
    return f"{alias}.{identifier(column.name)}::text = {literal(text)}"


def either(first: Condition, second: Condition) -> Condition:
    """Return the condition that a row meets one of two."""
    return lambda alias: f"({first(alias)} OR {second(alias)})"
