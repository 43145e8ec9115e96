"""What loading a dropped file needs from outside: the object, its records, a database, and a quarantine."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from utils.deadline import Seconds, no_limit
from utils.file_table import FileProject, FileTable
from utils.postgres.session import Session
from utils.records import Chunk, PlainCopy
from utils.store import ObjectStore

LOCK_SECONDS = 30.0  # another worker with the same file is given as long before this one's turn is over
MERGE_SECONDS = 60.0  # kept for the file's own merge when it waits for those of others
TURN_SECONDS = 600.0


@dataclass(frozen=True)
class DroppedFile:
    """One content of one key, as an event or a person named it."""

    bucket: str
    key: str  # as S3 knows it, decoded
    etag: str  # equal where the bytes are
    version: str = ""  # of a bucket with versions
    sequencer: str = ""  # orders the contents of a key; empty when nobody told
    bytes: int = 0

    @property
    def name(self) -> str:
        """The name that rows of this key keep in their table's file column."""
        return f"{self.bucket}/{self.key}"

    @property
    def content(self) -> str:
        """What tells this content from the key's others: the version id where there is one."""
        return self.version or self.etag


class Objects(Protocol):
    """Where dropped files rest."""

    def read(self, dropped: DroppedFile) -> Iterator[bytes]:
        """Yield the file's bytes, or raise ObjectChangedError when the key has other content by now."""
        ...


class Records(Protocol):
    """How a file's bytes become records."""

    def read_chunks(self, table: FileTable, key: str, blocks: Iterable[bytes]) -> Iterator[Chunk]:
        """Parse, clean and validate, some thousand records at a time."""
        ...

    def plain_copy(self, table: FileTable, key: str, blocks: Iterable[bytes]) -> PlainCopy | None:
        """Return the bytes for COPY as they are, None when records must be looked at."""
        ...


@dataclass(frozen=True)
class Ports:
    """Everything outside that loading touches."""

    connect: Callable[[], AbstractContextManager[Session]]  # a session a file: none can spoil another's
    objects: Objects
    records: Records
    quarantine: ObjectStore
    project: FileProject
    lock_seconds: float = LOCK_SECONDS
    seconds_left: Seconds = field(default=no_limit)

    @property
    def patience(self) -> float:
        """How many seconds to wait for other files' merges, of which each may take minutes."""
        return max(self.lock_seconds, min(self.seconds_left() - MERGE_SECONDS, TURN_SECONDS))
