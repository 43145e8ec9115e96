"""Wait until what was read is on the source's disk.

With asynchronous commit (`synchronous_commit = off`) a transaction shows before it is durable. A crash then takes it
back and gives its id to another one, which the next run would take for seen.
"""

import time

from pg8000.exceptions import DatabaseError

from utils.errors import SourceUnavailableError
from utils.postgres.connection import Connection

PATIENCE = 30.0  # seconds; the WAL writer may be told to sleep for ten between two rounds, and takes up to three rounds
PAUSE = 0.02  # seconds
PAGE_BYTES, PAGE_HEADER_BYTES = 8192, 40
UNSUPPORTED = "0A000"  # some services that speak PostgreSQL keep their log elsewhere, and durable at once

WRITTEN = """
    SELECT CASE WHEN NOT pg_catalog.pg_is_in_recovery()
                THEN pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_insert_lsn(), '0/0')::bigint END
"""
FLUSHED = "SELECT pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_flush_lsn(), '0/0')::bigint"


def wait_until_durable(connection: Connection) -> None:
    """Return once the log is on disk up to its end of now; a standby only ever sees what is.

    Raises:
        SourceUnavailableError: The source did not write its log within PATIENCE.
    """
    try:
        written = connection.value(WRITTEN)
        if written is not None:
            _wait(connection, _end_of_records(written))
    except DatabaseError as error:
        if error.args[0].get("C") != UNSUPPORTED:
            raise


def _end_of_records(position: int) -> int:
    """Return where the last record ends: at the start of a page, the position already counts the page's header."""
    within = position % PAGE_BYTES
    return position - within if within <= PAGE_HEADER_BYTES else position


def _wait(connection: Connection, written: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while connection.value(FLUSHED) < written:
        if time.monotonic() > deadline:
            raise SourceUnavailableError(
                f"The source has not written its log to disk for {PATIENCE:.0f} s, so what was read could still be "
                "lost there. Is its disk stalled?"
            )
        time.sleep(PAUSE)
