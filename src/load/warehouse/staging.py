"""Parquet into staging tables: DuckDB writes CSV into a pipe that COPY reads at the other end."""

import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import duckdb

from load.warehouse.ports import Session
from load.warehouse.schema import read_columns
from utils.errors import IntegrityError
from utils.manifest import WarehouseTable
from utils.postgres.names import column_list, identifier, literal

PIPE_BYTES = 1 << 20  # one read of the pipe, one message to the server
MEMORY = "96MB"  # DuckDB only passes rows on; the stage must fit a 256 MB function
ANALYZE_ROWS = 1000  # below, the planner's guesses do no harm


def staging_name(table: str) -> str:
    """Return a staging table's name in SQL."""
    return f"pg_temp.{identifier('stage_' + table)}"


def create_staging(session: Session, table: WarehouseTable) -> dict[str, str]:
    """Create the table's staging table and return its columns' types as PostgreSQL writes them."""
    stage = staging_name(table.name)
    columns = ", ".join(f"{identifier(column.name)} {column.type}" for column in table.columns)
    session.run(f"CREATE TEMPORARY TABLE {identifier('stage_' + table.name)} ({columns}, _late boolean) ON COMMIT DROP")
    return {str(row["name"]): str(row["type"]) for row in read_columns(session, stage) if row["name"] != "_late"}


def create_key_staging(session: Session, table: WarehouseTable, types: Mapping[str, str]) -> str:
    """Create a staging table for keys that are gone and return its name in SQL."""
    name = f"gone_{table.name}"
    columns = ", ".join(f"{identifier(key)} {types[key]}" for key in table.key)
    session.run(f"CREATE TEMPORARY TABLE {identifier(name)} ({columns}) ON COMMIT DROP")
    return f"pg_temp.{identifier(name)}"


def copy_rows(session: Session, table: WarehouseTable, path: Path) -> int:
    """Copy a Parquet file's rows into the staging table and return their number."""
    with duckdb.connect(config={"memory_limit": MEMORY, "threads": "1"}) as reader:
        reader.execute("SET TimeZone = 'UTC'")
        held = {name: kind for name, kind, *_ in reader.execute(f"DESCRIBE FROM {_parquet(path)}").fetchall()}
        texts = [_text(column.name, held) for column in table.columns]
        count = _pipe(session, reader, f"SELECT {', '.join(texts)}, _late FROM {_parquet(path)}", _target(table))
    if count > ANALYZE_ROWS:
        session.run(f"ANALYZE {staging_name(table.name)}")
    return count


def _target(table: WarehouseTable) -> str:
    names = column_list((*(column.name for column in table.columns), "_late"))
    return f"{staging_name(table.name)} ({names})"


def copy_keys(session: Session, stage: str, key: tuple[str, ...], path: Path) -> int:
    """Copy the keys of rows that are gone."""
    with duckdb.connect(config={"memory_limit": MEMORY, "threads": "1"}) as reader:
        return _pipe(
            session, reader, f"SELECT {column_list(key)} FROM {_parquet(path)}", f"{stage} ({column_list(key)})"
        )


def copy_quarantine(session: Session, stage: str, path: Path) -> int:
    """Copy quarantined rows from JSON lines."""
    columns = "{model: 'VARCHAR', key: 'JSON', rule: 'VARCHAR', reason: 'VARCHAR', row: 'JSON'}"
    lines = f"read_json({literal(str(path))}, format = 'newline_delimited', columns = {columns})"
    with duckdb.connect(config={"memory_limit": MEMORY, "threads": "1"}) as reader:
        return _pipe(session, reader, f"SELECT model, key, rule, reason, row FROM {lines}", stage)


def _parquet(path: Path) -> str:
    return f"read_parquet({literal(str(path))})"


def _text(name: str, held: Mapping[str, str]) -> str:
    """Return a column as PostgreSQL reads it; a value kept as exact text comes before the typed one."""
    column = identifier(name)
    if held.get(name) is None:
        raise IntegrityError(f"The Parquet file lacks the column {name} that its manifest names. Restore the object.")
    return f"coalesce(_exact[{literal(name)}], CAST({column} AS VARCHAR))" if "_exact" in held else column


def _pipe(session: Session, reader: duckdb.DuckDBPyConnection, query: str, target: str) -> int:
    """Stream a query's rows as CSV into a table: NULL unquoted, everything else quoted, so that '' stays ''."""
    read_end, write_end = os.pipe()
    failure: list[duckdb.Error] = []

    def write() -> None:
        try:
            reader.execute(f"COPY ({query}) TO '/dev/fd/{write_end}' (FORMAT csv, HEADER false, FORCE_QUOTE *)")
        except duckdb.Error as error:
            failure.append(error)
        finally:
            os.close(write_end)

    writer = threading.Thread(target=write, name="parquet to csv")
    writer.start()
    try:
        count = session.copy_in(f"COPY {target} FROM STDIN (FORMAT csv)", _blocks(read_end))
    finally:
        os.close(read_end)
        writer.join()
    if failure:
        raise IntegrityError(f"The file of {target} cannot be read: {failure[0]}. Restore the object.") from failure[0]
    return count


def _blocks(read_end: int) -> Iterator[bytes]:
    while block := os.read(read_end, PIPE_BYTES):
        yield block
