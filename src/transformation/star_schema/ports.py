"""What transformation needs from outside: the two logs, scratch space, and perhaps a catalogue."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from utils.batch_log import LandingLog, ProcessedLog
from utils.manifest import WarehouseTable
from utils.project import Project


class Catalogue(Protocol):
    """Where other tools, such as Athena, look tables up."""

    def register(self, table: WarehouseTable) -> None:
        """Make a table and its columns known."""
        ...


class NoCatalogue:
    """Stands in where there is no Glue."""

    def register(self, table: WarehouseTable) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class Ports:
    """Everything outside that transformation touches."""

    project: Project
    landing: LandingLog
    processed: ProcessedLog
    scratch: Path
    memory_mb: int
    catalogue: Catalogue
