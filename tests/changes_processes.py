"""Deliveries in processes of their own, which SIGKILL ends at a side effect as it would at any moment."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from load.changes.pipeline import apply_records
from tests.changes_factories import Place, records
from tests.processes import CONTEXT, UNDISTURBED, Blow, Child
from tests.side_effects import WatchedSession
from utils.changes import Change


def start_delivery(place: Place, changes: Sequence[Change], notes: Path, blow: Blow = UNDISTURBED) -> Child:
    """Start a delivery that strikes itself at its n-th side effect."""
    process = CONTEXT.Process(target=_deliver, args=(place, changes, notes, blow))
    process.start()
    return Child(process, notes)


def _deliver(place: Place, changes: Sequence[Change], notes: Path, blow: Blow) -> None:
    descriptor = os.open(notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    count = 0

    def reached(point: str) -> None:
        nonlocal count
        count += 1
        os.write(descriptor, f"{point}\n".encode())
        if count == blow.at:
            os.kill(os.getpid(), blow.signal)

    with place.ports() as ports:
        apply_records(records(changes), replace(ports, target=WatchedSession(ports.target, reached)))
