"""A DuckDB query's rows as CSV for COPY, read at one end of a pipe while DuckDB writes at the other."""

import contextlib
import os
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

BLOCK_BYTES = 1 << 20  # one read of the pipe, one message to the server


@contextlib.contextmanager
def csv_blocks(reader: "duckdb.DuckDBPyConnection", query: str) -> Iterator[Iterator[bytes]]:
    """Stream a query's rows: NULL unquoted, all else quoted, so that '' stays apart from it."""
    import duckdb  # a run with nothing to load answers before this tenth of a second

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

    writer = threading.Thread(target=write, name="rows to csv")
    writer.start()
    try:
        yield blocks()
    finally:
        os.close(read_end)  # a writer that is still at it fails, and so ends
        writer.join()
