"""Loads of dropped files in processes of their own, which a signal ends or stops at any of their side effects."""

import contextlib
from dataclasses import replace
from pathlib import Path

from load.files.pipeline import load_file
from load.files.ports import DroppedFile, Ports
from tests.file_drops import Drop
from tests.processes import UNDISTURBED, Blow, Child, start_work
from tests.side_effects import Reached, WatchedSession, WatchedStore


def watched(ports: Ports, reached: Reached) -> Ports:
    """Return ports whose every side effect is told before and after it happens."""

    @contextlib.contextmanager
    def connect():
        with ports.connect() as session:
            yield WatchedSession(session, reached)

    return replace(ports, connect=connect, quarantine=WatchedStore(ports.quarantine, "quarantine", reached))


def start(url: str, folder: Path, dropped: DroppedFile, notes: Path, blow: Blow = UNDISTURBED) -> Child:
    """Start to load a file."""
    return start_work(_load, (url, folder, dropped), notes, blow)


def _load(url: str, folder: Path, dropped: DroppedFile, reached: Reached) -> None:
    load_file(dropped, watched(Drop(url, folder).ports, reached))
