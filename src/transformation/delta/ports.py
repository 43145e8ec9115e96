"""What the delta needs from outside: where exports and changes rest, the registry's lease, and the stream."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from utils.export_table import ExportTable, ExportVersion
from utils.store import ObjectStore


@dataclass(frozen=True)
class Record:
    """What a stream takes: bytes, and the key that chooses the shard."""

    data: bytes
    partition_key: str

    @property
    def bytes(self) -> int:
        """What counts against the stream's limits."""
        return len(self.data) + len(self.partition_key)


class Stream(Protocol):
    """Takes records in order of arrival, each shard for itself."""

    def put(self, records: Sequence[Record]) -> dict[int, str]:
        """Send records; return the places of those that did not get in, each with the reason.

        Raise ServiceUnavailableError where it is unknown which got in.
        """
        ...


class Lease(Protocol):
    """The lock of one version, and how far it is published."""

    def still_owner(self) -> bool:
        """Tell whether this execution may go on writing."""
        ...

    def begin(self) -> None:
        """Note that from now on the stream may hold changes of this version."""
        ...

    def published(self) -> int:
        """Return how many changes, from the first, are in the stream for certain."""
        ...

    def save_published(self, sequence: int) -> None:
        """Note that all changes up to this one are in the stream."""
        ...

    def skip_orders(self, order: int) -> None:
        """Let no later claim have an order up to this one."""
        ...


@dataclass(frozen=True)
class Progress:
    """How far a query is."""

    done: bool
    failure: str = ""  # why it ended without a result
    passing: bool = False  # the same query may succeed later


class Athena(Protocol):
    """Runs SQL over Parquet files where they are."""

    def create_table(self, name: str, columns: Mapping[str, str], location: str) -> None:
        """Let queries read a folder's files as a table; columns have the catalogue's types."""
        ...

    def drop_table(self, name: str) -> None:
        """Forget a table, not its files; it need not be there."""
        ...

    def relation(self, name: str) -> str:
        """Return a table's name for SQL."""
        ...

    def start(self, sql: str) -> str:
        """Start a query and return its id."""
        ...

    def progress(self, query: str) -> Progress:
        """Tell how far a query is."""
        ...

    def rows(self, query: str) -> list[tuple[str | None, ...]]:
        """Return the few rows of a query that succeeded, as texts."""
        ...

    def stop(self, query: str) -> None:
        """End a query; it may have ended by itself."""
        ...


KnownContent = Callable[[ExportVersion], str | None]
"""The checksum by which a version was registered; None if it is no longer known."""


@dataclass(frozen=True)
class Ports:
    """Everything outside that one version's delta touches."""

    tables: Mapping[str, ExportTable]
    exports: ObjectStore
    changes: ObjectStore
    compared: ObjectStore  # what Athena writes; needed no longer than its comparison takes
    known_content: KnownContent
    lease: Lease
    stream: Stream
    scratch: Path
    memory_mb: int
    pause: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.time
    athena: Athena | None = None
