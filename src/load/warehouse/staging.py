"""Files into staging tables: DuckDB writes a Parquet file as CSV into a pipe that COPY reads at the other end."""

import contextlib
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from load.warehouse.target import Target
from utils.errors import IntegrityError, ResourceExhaustedError
from utils.postgres.names import column_list, identifier, literal
from utils.postgres.session import Session, closed_on_failure
from utils.store import DataFile

if TYPE_CHECKING:
    import duckdb

BLOCK_BYTES = 1 << 20  # one read of the pipe, one message to the server
ANALYZE_ROWS = 1000  # below, the planner's guesses do no harm
LATE = "_late"
EXACT = "_exact"  # the texts of values that DuckDB's types cannot hold, by column


@dataclass(frozen=True)
class LocalFile:
    """A file of a manifest where it rests on this machine, its checksum compared."""

    file: DataFile
    path: Path
    memory_mb: int  # to read it in: some thousand rows at a time, however wide


Fetched = tuple[LocalFile, ...]


def create_staging(session: Session, target: Target) -> None:
    """Create the staging table with the target's columns, and what is to be known of each row beside them."""
    session.run(
        f"CREATE TEMP TABLE staging_{target.place} ON COMMIT DROP AS SELECT {column_list(target.columns)}, "
        f"NULL::boolean AS {LATE}, NULL::boolean AS _waited FROM {target.name} WITH NO DATA"
    )


def create_keys(session: Session, target: Target, kind: str) -> None:
    """Create a staging table for keys: those that are "gone", or those "present" in the source."""
    session.run(
        f"CREATE TEMP TABLE {kind}_{target.place} ON COMMIT DROP AS "
        f"SELECT {column_list(target.table.key)} FROM {target.name} WITH NO DATA"
    )


def copy_rows(session: Session, target: Target, files: Fetched) -> None:
    """Copy rows into the staging table."""
    for found in files:
        _copy_parquet(session, f"{target.staging} ({column_list((*target.columns, LATE))})", target.columns, found)
    if sum(found.file.rows for found in files) > ANALYZE_ROWS:
        session.run(f"ANALYZE {target.staging}")


def copy_gone(session: Session, target: Target, files: Fetched) -> None:
    """Copy the keys of rows that are gone."""
    for found in files:
        _copy_parquet(session, target.gone, target.table.key, found)


def copy_present(session: Session, target: Target, files: Fetched) -> None:
    """Copy the keys of every row that the source has."""
    for found in files:
        _copy_parquet(session, target.present, target.table.key, found)
    session.run(f"ANALYZE {target.present}")


def copy_lines(session: Session, table: str, found: LocalFile) -> None:
    """Copy JSON lines into a table of one column."""
    with closed_on_failure(session), found.path.open("rb") as lines:
        quoted = (b'"' + line.rstrip(b"\r\n").replace(b'"', b'""') + b'"\n' for line in lines)
        count = session.copy_in(f"COPY {table} FROM STDIN (FORMAT csv)", quoted)
    _check_count(found.file, count)


def _copy_parquet(session: Session, target: str, columns: tuple[str, ...], found: LocalFile) -> None:
    with _open_duckdb(found) as reader:
        query = _select(reader, columns, found.file, found.path)
        _check_count(found.file, _pipe(session, reader, query, f"COPY {target} FROM STDIN (FORMAT csv)"))


@contextlib.contextmanager
def _open_duckdb(found: LocalFile) -> Iterator["duckdb.DuckDBPyConnection"]:
    """Open an engine that reads one file, and name its errors."""
    import duckdb  # a run with nothing to load answers before this tenth of a second

    memory, key = f"{found.memory_mb}MB", found.file.key
    try:
        with duckdb.connect(config={"memory_limit": memory, "threads": "1"}) as reader:
            reader.execute("SET TimeZone = 'UTC'")
            yield reader
    except duckdb.OutOfMemoryException as error:
        raise ResourceExhaustedError(
            f"The rows of {key} are too large for {memory} of memory. Give the function more, or run on a host."
        ) from error
    except duckdb.Error as error:
        raise IntegrityError(f"{key} cannot be read: {error}. Restore that object.", key=key) from error


def _check_count(file: DataFile, count: int) -> None:
    if count != file.rows:
        raise IntegrityError(
            f"{file.key} gave {count:,} rows, and its manifest says {file.rows:,}. Transform the batch again.",
            key=file.key,
        )


def _select(reader: "duckdb.DuckDBPyConnection", columns: tuple[str, ...], file: DataFile, path: Path) -> str:
    """Return the query for a file's rows as PostgreSQL reads them, `_late` last where the file has it."""
    source = f"read_parquet({literal(str(path))})"
    held = {name: kind for name, kind, *_ in reader.execute(f"DESCRIBE FROM {source}").fetchall()}
    if missing := [name for name in columns if name not in held]:
        raise IntegrityError(
            f"{file.key} lacks the column {missing[0]} that its manifest names. Transform the batch again.",
            key=file.key,
        )
    texts = [_text(name, held[name], EXACT in held) for name in columns]
    return f"SELECT {', '.join([*texts, *([LATE] if LATE in held else [])])} FROM {source}"


def _text(name: str, kind: str, has_exact: bool) -> str:
    column = identifier(name)
    if kind == "BLOB":
        return f"'\\x' || hex({column})"
    return f"coalesce({EXACT}[{literal(name)}], CAST({column} AS VARCHAR))" if has_exact else column


def _pipe(session: Session, reader: "duckdb.DuckDBPyConnection", query: str, statement: str) -> int:
    """Stream a query's rows as CSV into a COPY: NULL unquoted, all else quoted, so that '' stays apart from it."""
    import duckdb

    read_end, write_end = os.pipe()
    failure: list[duckdb.Error] = []

    def write() -> None:
        try:
            reader.execute(f"COPY ({query}) TO '/dev/fd/{write_end}' (FORMAT csv, HEADER false, FORCE_QUOTE *)")
        except duckdb.Error as error:
            failure.append(error)
        finally:
            os.close(write_end)

    def blocks() -> Iterator[bytes]:
        while block := os.read(read_end, BLOCK_BYTES):
            yield block
        if failure:  # before the COPY is told that it is complete
            raise failure[0]

    writer = threading.Thread(target=write, name="parquet to csv")
    writer.start()
    try:
        with closed_on_failure(session):
            return session.copy_in(statement, blocks())
    finally:
        os.close(read_end)  # a writer that is still at it fails, and so ends
        writer.join()
