"""What extraction needs from outside: one transaction of the source, and the two logs."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from utils.batch_log import LandingLog, ProcessedLog
from utils.manifest import Snapshot, SourceTable
from utils.project import Project


class Rows(Protocol):
    """The CSV rows of one COPY, in blocks; `rows` is their number once they are read."""

    rows: int
    longest: int  # bytes of the largest

    def __iter__(self) -> Iterator[bytes]:
        """Yield blocks of whole rows."""
        ...


class SourceView(Protocol):
    """The source as one transaction sees it."""

    @property
    def snapshot(self) -> Snapshot:
        """What the transaction can see."""
        ...

    def tables(self) -> dict[str, SourceTable]:
        """Return every tracked table's definition."""
        ...

    def copy(self, statement: str) -> Rows:
        """Start a COPY ... TO STDOUT."""
        ...

    def row(self, query: str) -> dict[str, Any]:
        """Return a query's only row."""
        ...


@dataclass(frozen=True)
class Ports:
    """Everything outside that extraction touches."""

    project: Project
    view: Callable[[], AbstractContextManager[SourceView]]
    landing: LandingLog
    processed: ProcessedLog
