"""The delivery ledger as a SQLite file: for one machine, with the contract that DynamoDB keeps on AWS."""

import contextlib
import sqlite3
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from utils.delivered.ledger import Claim, Clock, Outcome, expiry
from utils.errors import ConfigurationError, LedgerUnavailableError, ResourceExhaustedError

BUSY_SECONDS = 30.0  # how long another process may hold the file; each write takes milliseconds
TABLE = """
CREATE TABLE IF NOT EXISTS delivered (
    id TEXT PRIMARY KEY, outcome TEXT, claimed_by TEXT, claimed_until INTEGER, expires_at INTEGER NOT NULL
) WITHOUT ROWID
"""
CLAIM = """
INSERT INTO delivered (id, claimed_by, claimed_until, expires_at) VALUES (:id, :owner, :until, :expires_at)
ON CONFLICT (id) DO UPDATE
SET outcome = NULL, claimed_by = :owner, claimed_until = :until, expires_at = :expires_at
WHERE claimed_until < :now OR claimed_by = :owner OR (:again AND outcome = :refused)
"""
SETTLE = """
INSERT INTO delivered (id, outcome, expires_at) VALUES (:id, :outcome, :expires_at)
ON CONFLICT (id) DO UPDATE
SET outcome = :outcome, claimed_by = NULL, claimed_until = NULL, expires_at = :expires_at
WHERE outcome IS NULL OR outcome <> :delivered
"""


@contextlib.contextmanager
def _named_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorname", "")
        if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_IOERR")):
            raise LedgerUnavailableError(f"The delivery ledger {path} cannot be used now: {error}.") from error
        if code == "SQLITE_FULL":
            raise ResourceExhaustedError(
                f"No room left to write the delivery ledger {path}. Free some disk."
            ) from error
        raise ConfigurationError(f"{path} is no delivery ledger: {error}. Name another file.") from error


@dataclass(frozen=True)
class SqliteLedger:
    """A row for each record; each call has a connection of its own, so any thread or process may call."""

    path: Path
    clock: Clock = time.time

    @contextlib.contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        """Open the ledger for one transaction, during which no other process writes."""
        with _named_errors(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)
            with contextlib.closing(connection):
                connection.execute("BEGIN IMMEDIATE")
                connection.execute(TABLE)
                connection.execute("DELETE FROM delivered WHERE expires_at < ?", [int(self.clock())])
                yield connection
                connection.execute("COMMIT")

    def settled(self, ids: Collection[str]) -> set[str]:
        """Return those of the ids that were delivered or refused."""
        query = "SELECT id FROM delivered WHERE id = ? AND outcome IS NOT NULL"
        with self._write() as connection:
            return {found for record in ids for (found,) in connection.execute(query, [record])}

    def claim(self, ids: Collection[str], claim: Claim, again: bool = False) -> set[str]:
        """Claim and return those that are not settled and nobody else's."""
        fields = {
            "owner": claim.owner,
            "until": claim.until,
            "expires_at": expiry(claim.until),
            "now": int(self.clock()),
            "again": again,
            "refused": Outcome.REFUSED,
        }
        with self._write() as connection:
            return {record for record in ids if connection.execute(CLAIM, {**fields, "id": record}).rowcount}

    def settle(self, ids: Collection[str], outcome: Outcome) -> None:
        """Note what became of records and end their claims."""
        fields = {"outcome": outcome, "delivered": Outcome.DELIVERED, "expires_at": expiry(self.clock())}
        with self._write() as connection:
            connection.executemany(SETTLE, [{**fields, "id": record} for record in ids])

    def release(self, ids: Collection[str], claim: Claim) -> None:
        """Give up one's own claims of records that were not settled."""
        with self._write() as connection:
            rows = [(record, claim.owner) for record in ids]
            connection.executemany("DELETE FROM delivered WHERE id = ? AND claimed_by = ?", rows)
