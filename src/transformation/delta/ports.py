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


KnownContent = Callable[[ExportVersion], str | None]
"""The checksum by which a version was registered; None if it is no longer known."""


@dataclass(frozen=True)
class Ports:
    """Everything outside that one version's delta touches."""

    tables: Mapping[str, ExportTable]
    exports: ObjectStore
    changes: ObjectStore
    known_content: KnownContent
    lease: Lease
    stream: Stream
    scratch: Path
    memory_mb: int
    pause: Callable[[float], None] = time.sleep
