"""Deliveries in processes of their own, which SIGKILL ends at a side effect as it would at any moment."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from load.changes.pipeline import apply_records
from tests.changes_factories import Place, records
from tests.processes import UNDISTURBED, Blow, Child, start_work
from tests.side_effects import Reached, WatchedSession
from utils.changes import Change


def start_delivery(place: Place, changes: Sequence[Change], notes: Path, blow: Blow = UNDISTURBED) -> Child:
    """Start a delivery that strikes itself at its n-th side effect."""
    return start_work(_deliver, (place, changes), notes, blow)


def _deliver(place: Place, changes: Sequence[Change], reached: Reached) -> None:
    with place.ports() as ports:
        apply_records(records(changes), replace(ports, target=WatchedSession(ports.target, reached)))
