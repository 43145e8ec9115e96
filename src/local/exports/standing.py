"""Where the versions of full exports stand, as the registry has it."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from utils.errors import ConfigurationError
from utils.registry.claim import is_held
from utils.registry.open_registry import open_known_registry
from utils.registry.records import Entry, Head, Status


@dataclass(frozen=True)
class SeriesStanding:
    """One tenant's table: its lock and its newest versions, newest first."""

    series: str
    head: Head
    versions: tuple[Entry, ...]
    remarks: tuple[str, ...]  # what a person should know, with what to do

    def to_record(self) -> dict[str, Any]:
        """Return it for a program to read."""
        head = self.head
        lock = {"owner": head.owner, "version": head.held, "fence": head.fence, "lease_until": head.lease_until}
        return {
            "series": self.series,
            "succeeded": head.succeeded,
            "publishing": head.publishing,
            "lock": lock,
            "versions": [entry.to_record() for entry in self.versions],
            "remarks": list(self.remarks),
        }


def read_export_standing(
    registry: str, series: str | None, limit: int, now: float | None = None
) -> list[SeriesStanding]:
    """Return every table's standing, or one's, or raise ConfigurationError where there is none of that name."""
    store = open_known_registry(registry)
    heads = [head for head in store.heads() if series in (None, head.series)]
    if series is not None and not heads:
        raise ConfigurationError(f"The registry {registry} knows no {series}. Write it as TENANT/TABLE.")
    moment = time.time() if now is None else now
    return [_standing(head, store.entries(head.series), limit, moment) for head in heads]


def _standing(head: Head, entries: Iterable[Entry], limit: int, now: float) -> SeriesStanding:
    newest = sorted(entries, key=lambda entry: (entry.started_at or entry.registered_at, entry.version), reverse=True)
    remarks = (*_lock_remarks(head, now), *_failures(newest), *_halves(head))
    return SeriesStanding(head.series, head, tuple(newest[:limit]), remarks)


def _lock_remarks(head: Head, now: float) -> list[str]:
    if head.owner is None:
        return []
    if not is_held(head, now):
        return [f"{head.owner} held {head.held} beyond its lease; the next execution takes it over. Start one."]
    return [f"{head.owner} works on {head.held} (fence {head.fence})."]


def _failures(entries: Iterable[Entry]) -> list[str]:
    return [
        f"{entry.version} failed: {entry.cause} Starting it again resumes it."
        for entry in entries
        if entry.status is Status.FAILED
    ]


def _halves(head: Head) -> list[str]:
    if head.publishing is None:
        return []
    return [
        f"{head.publishing} is in the stream in part; it is finished before any other version. If it never can be: "
        f"starlift exports give-up {head.series} {head.publishing}"
    ]
