"""Wait until what was read is on the source's disk.

With asynchronous commit (`synchronous_commit = off`) a transaction shows before it is durable. A crash then takes it
back and gives its id to another one, which the next run would take for seen.
"""

import time

from pg8000.exceptions import DatabaseError

from utils.errors import SourceUnavailableError
from utils.postgres.connection import Connection

PATIENCE = 30.0  # seconds beyond the rounds that the WAL writer takes
PAUSE = 0.02  # seconds
PAGE_BYTES, PAGE_HEADER_BYTES = 8192, 40
UNSUPPORTED = "0A000"  # some services that speak PostgreSQL keep their log elsewhere, and durable at once

WRITTEN = """
    SELECT CASE WHEN NOT pg_catalog.pg_is_in_recovery()
                THEN pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_insert_lsn(), '0/0')::bigint END
"""
FLUSHED = "SELECT pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_flush_lsn(), '0/0')::bigint"
# PostgreSQL promises that the WAL writer has written a transaction's end three rounds later.
ROUNDS = "SELECT 3 * extract(epoch FROM pg_catalog.current_setting('wal_writer_delay')::interval)"


def wait_until_durable(connection: Connection) -> None:
    """Return once the log is on disk up to its end of now; a standby only ever sees what is.

    Raises:
        SourceUnavailableError: The source did not write its log within PATIENCE.
    """
    try:
        written = connection.value(WRITTEN)
        if written is not None:
            _wait(connection, _end_of_records(written), float(connection.value(ROUNDS)))
    except DatabaseError as error:
        if error.args[0].get("C") != UNSUPPORTED:
            raise


def _end_of_records(position: int) -> int:
    """Return where the last record ends: at the start of a page, the position already counts the page's header."""
    within = position % PAGE_BYTES
    return position - within if within <= PAGE_HEADER_BYTES else position


def _wait(connection: Connection, written: int, rounds: float) -> None:
    """Wait for all of the log, or for its whole pages and as long as the end of any transaction takes.

    The last page may hold nothing but rows of transactions still open, which nobody hurries to write.
    """
    started = time.monotonic()
    pages = written - written % PAGE_BYTES
    while (flushed := connection.value(FLUSHED)) < written:
        waited = time.monotonic() - started
        if flushed >= pages and waited > rounds:
            return
        if waited > PATIENCE + rounds:
            raise SourceUnavailableError(
                f"The source has not written its log to disk for {waited:.0f} s, so what was read could still be "
                "lost there. Is its disk stalled?"
            )
        time.sleep(PAUSE)
