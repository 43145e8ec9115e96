"""The embedded DuckDB: within its memory, cut off from all but its files, its errors named."""

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb

from utils.embedded_duckdb import connect
from utils.errors import ModelError, ResourceExhaustedError
from utils.postgres.names import literal

# Two optimizers make one bad value fail every row: the first pushes TRY_CAST into the CSV reader as a CAST, the
# second moves what two TRY() share out of both. Without the first, the reader is also half as fast again.
UNSOUND = ("type_pushdown", "common_subexpressions")
MAX_REASON = 300  # characters; a reason may quote a value as large as a row


@contextlib.contextmanager
def open_engine(scratch: Path, memory_mb: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a DuckDB that keeps within its memory, spills into scratch, and downloads nothing."""
    with connect(scratch, memory_mb) as connection, named_errors("A model"):
        connection.execute(f"SET disabled_optimizers = {literal(','.join(UNSOUND))}")
        yield connection


def shut_off(connection: duckdb.DuckDBPyConnection, folders: Iterable[Path], files: Iterable[Path]) -> None:
    """Let no model reach anything but these, whatever function it finds for it."""
    for setting, paths in (("allowed_directories", folders), ("allowed_paths", files)):
        connection.execute(f"SET {setting} = [{', '.join(literal(str(path.resolve())) for path in paths)}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


@contextlib.contextmanager
def named_errors(what: str) -> Iterator[None]:
    """Translate DuckDB's errors into the pipeline's, once; only their first line, for the others quote rows."""
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise ResourceExhaustedError(f"Memory or scratch space ran short: {error}. Give the function more.") from error
    except duckdb.IOException as error:
        raise ResourceExhaustedError(f"Scratch space cannot be used: {error}. Give the function more.") from error
    except duckdb.Error as error:
        reason = str(error).split("\n", maxsplit=1)[0]
        raise ModelError(f"{what} cannot be computed: {reason[:MAX_REASON]}") from error
