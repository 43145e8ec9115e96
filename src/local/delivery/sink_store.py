"""What the reference endpoint holds: every record once, and a line about every POST."""

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from utils.errors import ConfigurationError

BUSY_SECONDS = 30.0  # how long another thread may hold the file; each write takes milliseconds
TABLES = """
CREATE TABLE IF NOT EXISTS records (id TEXT PRIMARY KEY, body TEXT NOT NULL, times INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS posts (
    number INTEGER PRIMARY KEY, key TEXT, status INTEGER NOT NULL, records INTEGER NOT NULL, new INTEGER NOT NULL
);
"""
# A record that comes again changes nothing but its count: the first stays.
TAKE = "INSERT INTO records VALUES (?, ?, 1) ON CONFLICT (id) DO UPDATE SET times = times + 1 RETURNING times"

Record = dict[str, Any]


@dataclass(frozen=True)
class Post:
    """One POST and what was answered; the status is 0 where the connection was cut instead."""

    key: str | None
    status: int
    records: int = 0
    new: int = 0


@dataclass(frozen=True)
class SinkStore:
    """A SQLite file; each call has a connection of its own, so any thread or process may call."""

    path: Path

    @contextlib.contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)
        with contextlib.closing(connection):
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")

    def create(self) -> None:
        """Make the tables unless they are there."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.closing(sqlite3.connect(self.path, timeout=BUSY_SECONDS)) as connection:
                connection.executescript(f"BEGIN IMMEDIATE; {TABLES} COMMIT;")
        except (OSError, sqlite3.Error) as error:
            raise ConfigurationError(f"{self.path} cannot keep records: {error}. Name another file.") from error

    def take(self, records: Sequence[Record]) -> int:
        """Keep the records that are new, all or none, and return how many were."""
        with self._write() as connection:
            times = [connection.execute(TAKE, [record["id"], json.dumps(record)]).fetchone()[0] for record in records]
        return times.count(1)

    def note(self, post: Post) -> None:
        """Remember a POST."""
        with self._write() as connection:
            row = (post.key, post.status, post.records, post.new)
            connection.execute("INSERT INTO posts (key, status, records, new) VALUES (?, ?, ?, ?)", row)

    def records(self) -> list[Record]:
        """Return every record, in order of id."""
        with self._write() as connection:
            rows = connection.execute("SELECT body FROM records ORDER BY id").fetchall()
        return [json.loads(body) for (body,) in rows]

    def times(self) -> dict[str, int]:
        """Return how often each record came."""
        with self._write() as connection:
            return dict(connection.execute("SELECT id, times FROM records").fetchall())

    def posts(self) -> list[Post]:
        """Return every POST, in order."""
        with self._write() as connection:
            rows = connection.execute("SELECT key, status, records, new FROM posts ORDER BY number").fetchall()
        return [Post(*row) for row in rows]
