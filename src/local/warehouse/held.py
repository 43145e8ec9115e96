"""What the warehouse holds, as text in the comparing engine: nothing is lost between the two."""

from collections.abc import Iterable
from pathlib import Path

import duckdb

from transformation.star_schema.relations import LINE_BYTES, NEW_LINE
from utils.postgres.connection import Connection
from utils.postgres.names import identifier, literal

MAX_ROW_BYTES = 1 << 30  # of a warehouse row: whatever PostgreSQL could store


def dump(session: Connection, query: str, path: Path) -> tuple[int, int]:
    """Write a query's rows as CSV and return their number, and a length that none of them exceeds."""
    copy, longest = session.copy_out(f"COPY ({query}) TO STDOUT (FORMAT csv)", MAX_ROW_BYTES), 0
    with path.open("wb") as stream:
        for block in copy:
            stream.write(block)
            longest = max(longest, len(block))
    return copy.rows, longest


def read_csv(database: duckdb.DuckDBPyConnection, table: str, names: Iterable[str], path: Path, longest: int) -> None:
    """Make the table of a dumped query's rows."""
    columns = ", ".join(f"{identifier(name)}: 'VARCHAR'" for name in names)
    database.execute(
        f"CREATE OR REPLACE TEMP TABLE {table} AS FROM read_csv({literal(str(path))}, columns = {{{columns}}}, "
        "header = false, auto_detect = false, delim = ',', quote = '\"', escape = '\"', nullstr = '', "
        f"{NEW_LINE}allow_quoted_nulls = false, max_line_size = {max(LINE_BYTES, longest)})"
    )
