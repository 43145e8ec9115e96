"""The SQL that reads rows."""

from collections.abc import Iterable

from utils.manifest import SourceTable
from utils.postgres.names import TableName, column_list, identifier, literal

TIMES = ("timestamp", "date")


def copy_statement(table: SourceTable, where: TableName, condition: str) -> str:
    """Return the COPY that streams a table's rows as CSV, every one when there is no condition."""
    columns = column_list(tuple(column.name for column in table.columns), "t")
    rows = f"SELECT {columns} FROM {where.sql} t" + (f" WHERE {condition}" if condition else "")
    return f"COPY ({rows}) TO STDOUT (FORMAT csv)"


def header(table: SourceTable) -> bytes:
    """Return the CSV's first line."""
    names = ['"' + column.name.replace('"', '""') + '"' for column in table.columns]
    return (",".join(names) + "\n").encode()


def written_since(horizon: int, alias: str) -> str:
    """Return the condition that a row's version was written at or after a horizon.

    Row versions hold 32-bit transaction ids; age() compares them around the circle and costs nothing
    beside the scan.
    """
    return f"pg_catalog.age({alias}.xmin) <= pg_catalog.age('{horizon % 2**32}'::pg_catalog.xid)"


def held_in(parts: Iterable[int], alias: str) -> str:
    """Return the condition that a row is in one of these tables."""
    return f"{alias}.tableoid IN ({', '.join(map(str, sorted(parts)))})"


def cursor_since(table: SourceTable, mark: str, overlap_seconds: int, alias: str) -> str:
    """Return the condition that a row's cursor column is at or after a high-water mark, less the overlap."""
    cursor = str(table.cursor)
    kind = _cursor_type(table)
    bound = f"{literal(mark)}::{kind}"
    if kind.startswith(TIMES):
        bound += f" - '{overlap_seconds} seconds'::pg_catalog.interval"
    return f"({alias}.{identifier(cursor)} >= {bound}) IS TRUE"


def high_water_mark(table: SourceTable, where: TableName, condition: str) -> str:
    """Return the query for the greatest cursor value read so far, the last batches' included.

    An infinite value marks no place in time: every later row would be behind it.
    """
    column = f"t.{identifier(str(table.cursor))}"
    greatest = f"pg_catalog.max({column})"
    if _cursor_type(table).startswith(TIMES):
        greatest += f" FILTER (WHERE pg_catalog.isfinite({column}))"
    if table.high_water_mark is not None:
        greatest = f"greatest({greatest}, {literal(table.high_water_mark)}::{_cursor_type(table)})"
    return f"SELECT {greatest}::text AS mark FROM {where.sql} t" + (f" WHERE {condition}" if condition else "")


def _cursor_type(table: SourceTable) -> str:
    return next(column.type for column in table.columns if column.name == table.cursor)
