"""What one attempt is to do, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from utils.export_table import ExportVersion
from utils.store import DataFile


@dataclass(frozen=True)
class Task:
    """The version to publish, what it is compared with, and what a person confirmed."""

    version: ExportVersion
    order: int
    previous: str | None
    accepted: frozenset[str] = frozenset()

    @property
    def folder(self) -> str:
        """Where the changes are kept; one order means one comparison."""
        return f"{self.version.series}/{self.order:012d}"

    @property
    def identity(self) -> dict[str, str | None]:
        """What tells this comparison from one of the same order in a registry that was lost."""
        return {"version": self.version.version, "previous": self.previous}


@dataclass(frozen=True)
class Delta:
    """A computed delta: its lines in the store, and its counts."""

    lines: DataFile
    counts: Mapping[str, int]
