"""The DuckDB that compares exports, and its errors by the pipeline's names."""

import contextlib
import errno
import re
from collections.abc import Iterator
from pathlib import Path

import duckdb

from utils.embedded_duckdb import connect
from utils.errors import ExportRefusedError, QueryError, ResourceExhaustedError

INTERRUPTED = "Query interrupted"
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
LINE = re.compile(r"CSV Error on Line: (\d+)")
REASONS = (  # what DuckDB says after it has quoted the line, which may be a customer's
    (re.compile("No magic bytes|too small to be a Parquet file"), "it is no Parquet file, or not a whole one"),
    (re.compile(r"Expected Number of Columns: \d+ Found: \d+"), ""),
    (re.compile(r"Maximum line size of \d+ bytes exceeded"), ""),
    (re.compile(r"unterminated quote", re.IGNORECASE), "a quote is not closed, or lines end in more than one way"),
    (re.compile("reached an invalid state"), "lines end in more than one way, or a value is half quoted"),
    (re.compile(r"Invalid unicode", re.IGNORECASE), "it is not UTF-8"),
)


@contextlib.contextmanager
def open_engine(scratch: Path, memory_mb: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a DuckDB for one comparison."""
    with connect(scratch, memory_mb) as connection, _named_errors(scratch, memory_mb):
        yield connection


@contextlib.contextmanager
def _named_errors(scratch: Path, memory_mb: int) -> Iterator[None]:
    """Translate DuckDB's errors once."""
    try:
        yield
    except (duckdb.OutOfMemoryException, duckdb.IOException, OSError) as error:
        if isinstance(error, OSError) and error.errno not in NO_ROOM:
            raise
        raise ResourceExhaustedError(
            f"The {memory_mb} MB of memory, or the disk of {scratch}, ran short: {_first_line(error)}. Give the "
            "function more ephemeral storage (docs/exports.md says how much for how many rows), or more memory; on a "
            "host, let TMPDIR name a larger disk."
        ) from error
    except RuntimeError as error:
        if INTERRUPTED not in str(error):
            raise
        raise KeyboardInterrupt from error  # DuckDB takes Ctrl-C for itself
    except duckdb.Error as error:
        raise QueryError(f"The exports cannot be compared: {_first_line(error)}") from error


@contextlib.contextmanager
def named_file(name: str) -> Iterator[None]:
    """Say of a file that cannot be read which one it is, where, and why."""
    try:
        yield
    except (duckdb.InvalidInputException, duckdb.ConversionException) as error:
        raise ExportRefusedError(
            f"{name} cannot be read{_reason(str(error))}. Export it again, or correct its table's settings.",
            file=name,
        ) from error


def _reason(message: str) -> str:
    line = LINE.search(message)
    found = next((ours or match.group() for known, ours in REASONS if (match := known.search(message))), "")
    where = f" at line {line.group(1)}" if line else ""
    return f"{where}: {found}" if found else where


def _first_line(error: Exception) -> str:
    return str(error).split("\n", maxsplit=1)[0]
