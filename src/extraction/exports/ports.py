"""What registering and locking need from outside."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from utils.export_table import ExportTable, ExportVersion
from utils.registry.claim import Clock
from utils.registry.store import RegistryStore
from utils.store import ObjectStore


@dataclass(frozen=True)
class Ports:
    """The project's tables, the bucket of exports, the registry and the time."""

    tables: Mapping[str, ExportTable]
    exports: ObjectStore
    registry: RegistryStore
    clock: Clock = time.time

    def now(self) -> int:
        """Return the seconds since 1970."""
        return int(self.clock())


@dataclass(frozen=True)
class Request:
    """One execution, and the version that it was started for."""

    version: ExportVersion
    execution: str
    replay: bool = False  # process it even though it, or a later one, has succeeded


class Executions(Protocol):
    """Starts what processes a version."""

    def start(self, version: ExportVersion, content: str) -> str | None:
        """Start one execution for this content and return its name; None if it runs or has succeeded."""
        ...


class Alerts(Protocol):
    """Tells a person."""

    def send(self, subject: str, message: str) -> None:
        """Send one alert."""
        ...


@dataclass(frozen=True)
class ArrivalPorts:
    """What the arrival of objects needs."""

    tables: Mapping[str, ExportTable]
    exports: ObjectStore
    executions: Executions
    alerts: Alerts
