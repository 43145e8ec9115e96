"""The registry as a SQLite file: for one machine, with the contract that DynamoDB keeps on AWS."""

import contextlib
import json
import sqlite3
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from utils.errors import ConfigurationError, RegistryUnavailableError, ResourceExhaustedError
from utils.registry.records import Entry, Head

BUSY_SECONDS = 30.0  # how long another process may hold the file; each write takes milliseconds
TABLES = """
CREATE TABLE IF NOT EXISTS heads (series TEXT PRIMARY KEY, revision INTEGER NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS entries (
    series TEXT NOT NULL, version TEXT NOT NULL, body TEXT NOT NULL, expires_at INTEGER, PRIMARY KEY (series, version)
);
"""


@contextlib.contextmanager
def _named_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorname", "")
        if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_IOERR")):
            raise RegistryUnavailableError(f"The registry {path} cannot be used for the moment: {error}.") from error
        if code == "SQLITE_FULL":
            raise ResourceExhaustedError(f"No room left to write the registry {path}. Free some disk.") from error
        raise ConfigurationError(f"{path} is no registry that can be used: {error}. Name another file.") from error


@dataclass(frozen=True)
class SqliteRegistry:
    """Heads and entries as rows; each call has a connection of its own, so any thread or process may call."""

    path: Path

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with _named_errors(self.path):
            with contextlib.suppress(FileExistsError):
                self.path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)
            try:
                if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'entries'").fetchone():
                    connection.executescript(f"BEGIN IMMEDIATE; {TABLES} COMMIT;")
                yield connection
            finally:
                connection.close()

    def head(self, series: str) -> Head:
        """Return the head as last written, or a new one."""
        with self._open() as connection:
            row = connection.execute("SELECT body FROM heads WHERE series = ?", [series]).fetchone()
        return Head.from_record(json.loads(row[0])) if row else Head(series)

    def entry(self, series: str, version: str) -> Entry | None:
        """Return the entry as last written."""
        query = "SELECT body FROM entries WHERE series = ? AND version = ?"
        with self._open() as connection:
            row = connection.execute(query, [series, version]).fetchone()
        return Entry.from_record(json.loads(row[0])) if row else None

    def write(self, head: Head, entries: Iterable[Entry]) -> bool:
        """Write a head and entries of its series, unless another write came first since `head.revision` was read."""
        with self._open() as connection:
            connection.execute("BEGIN IMMEDIATE")  # from here on no other process writes
            if not _write_head(connection, head):
                connection.execute("ROLLBACK")
                return False
            for entry in entries:
                row = (entry.series, entry.version, json.dumps(entry.to_record()), entry.expires_at)
                connection.execute("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?)", row)
            connection.execute("DELETE FROM entries WHERE expires_at < ?", [int(time.time())])
            connection.execute("COMMIT")
        return True

    def heads(self) -> Iterator[Head]:
        """Yield every head, in order of series."""
        with self._open() as connection:
            rows = connection.execute("SELECT body FROM heads ORDER BY series").fetchall()
        yield from (Head.from_record(json.loads(body)) for (body,) in rows)

    def entries(self, series: str) -> Iterator[Entry]:
        """Yield the entries of one series, in order of version as text."""
        query = "SELECT body FROM entries WHERE series = ? ORDER BY version"
        with self._open() as connection:
            rows = connection.execute(query, [series]).fetchall()
        yield from (Entry.from_record(json.loads(body)) for (body,) in rows)


def _write_head(connection: sqlite3.Connection, head: Head) -> bool:
    found = connection.execute("SELECT revision FROM heads WHERE series = ?", [head.series]).fetchone()
    if (found[0] if found else 0) != head.revision:
        return False
    written = replace(head, revision=head.revision + 1)
    row = (head.series, written.revision, json.dumps(written.to_record()))
    connection.execute("INSERT OR REPLACE INTO heads VALUES (?, ?, ?)", row)
    return True
