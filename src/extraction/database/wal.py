"""Where a primary stands in its write-ahead log: on which timeline, and how much of it a crash would leave."""

import time
from dataclasses import dataclass

from pg8000.exceptions import DatabaseError

from utils.postgres.connection import Connection

# In recovery; not offered, as by servers that store their log elsewhere; not permitted.
UNTOLD = {"55000", "0A000", "42883", "42501"}
POLL_SECONDS = 0.01

POSITION = """
    SELECT pg_catalog.pg_current_wal_insert_lsn()::text AS lsn,
           pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()) AS file,
           (SELECT setting::float / 1000 FROM pg_catalog.pg_settings WHERE name = 'wal_writer_delay') AS delay
"""
FLUSHED = "SELECT pg_catalog.pg_current_wal_flush_lsn() >= CAST(:lsn AS pg_catalog.pg_lsn)"


@dataclass(frozen=True)
class Position:
    """The end of a primary's write-ahead log at some moment."""

    lsn: str
    timeline: int
    safe_at: float  # time.monotonic() by which every transaction that had ended is flushed, whatever else is not


def read_position(connection: Connection) -> Position | None:
    """Return where the log ends now, or None where the server does not tell: on a standby, for one."""
    connection.execute_simple("SAVEPOINT position")
    try:
        row = connection.rows(POSITION)[0]
    except DatabaseError as error:
        if error.args[0].get("C") not in UNTOLD:
            raise
        connection.execute_simple("ROLLBACK TO SAVEPOINT position")
        return None
    # An asynchronous commit or a rollback is flushed within three rounds of the WAL writer.
    return Position(row["lsn"], int(row["file"][:8], 16), time.monotonic() + 3 * row["delay"])


def await_flush(connection: Connection, position: Position) -> None:
    """Wait until a crash of the server could not take back any transaction that had ended at a position.

    It would give their ids to others, whose rows a run that starts from a later horizon would not read.
    """
    while time.monotonic() < position.safe_at and not connection.value(FLUSHED, lsn=position.lsn):
        time.sleep(POLL_SECONDS)
