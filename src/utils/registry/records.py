"""What the registry of exports remembers: a head for each tenant's table, and an entry for each version."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

DAY_SECONDS = 86_400
RETENTION_DAYS = 400  # of entries that nothing depends on any more: a year, and time to look back at it


def expiry(now: int) -> int:
    """Return when a row may go that nothing depends on from now on."""
    return now + RETENTION_DAYS * DAY_SECONDS


class Status(StrEnum):
    """Where a version stands."""

    REGISTERED = "registered"  # it waits for the lock
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"  # starting it again resumes it
    SUPERSEDED = "superseded"  # a later version succeeded instead, and holds its rows


ENDED = frozenset({Status.SUCCEEDED, Status.SUPERSEDED})


@dataclass(frozen=True)
class Entry:
    """One version of a tenant's table; times are UTC."""

    tenant: str
    table: str
    version: str
    status: Status
    content: str  # checksum of every file's etag and size: the same bytes uploaded in the same parts
    key: str  # of the only file, or the prefix of several
    files: int
    bytes: int
    execution: str  # the last that registered or claimed it
    registered_at: str
    etag: str | None = None  # of the only file
    attempts: int = 1
    replay: bool = False  # asked for although a later version had succeeded
    order: int | None = None  # once claimed: its place among all that were tried
    previous: str | None = None  # the version that it is compared with
    fence: int | None = None
    published: int | None = None  # changes that are in the stream for certain; None: not one was sent
    counts: Mapping[str, int] = field(default_factory=dict)
    started_at: str | None = None
    ended_at: str | None = None
    cause: str | None = None  # of its last failure
    expires_at: int | None = None  # seconds since 1970, after which the row may go

    @property
    def series(self) -> str:
        """What is locked and ordered together."""
        return f"{self.tenant}/{self.table}"

    def to_record(self) -> dict[str, Any]:
        """Return the entry as the stores keep it, without what is empty."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Entry":
        """Read what to_record wrote."""
        return cls(**{**record, "status": Status(record["status"])})


@dataclass(frozen=True)
class Head:
    """What one tenant's table has in common for all its versions; `revision` counts the writes to either."""

    series: str
    revision: int = 0
    fence: int = 0  # of the last claim; it only grows, so that a late owner is known by it
    owner: str | None = None  # the execution that holds the lock
    held: str | None = None  # the version that it works on
    lease_until: int = 0  # seconds since 1970
    order: int = 0  # the last that a claim was given
    succeeded: str | None = None  # the version that the target shows
    publishing: str | None = None  # a version of which the stream may hold some changes and lacks others
    open: Mapping[str, int] = field(default_factory=dict)  # versions not ended, and until when each waits for the lock

    def released(self) -> "Head":
        """Return the head without an owner."""
        return replace(self, owner=None, held=None, lease_until=0)

    def to_record(self) -> dict[str, Any]:
        """Return the head as the stores keep it, without what is empty."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Head":
        """Read what to_record wrote."""
        return cls(**record)
