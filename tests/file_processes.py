"""Loads of dropped files in processes of their own, which a signal ends or stops at any of their side effects."""

import contextlib
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from load.files.pipeline import load_file
from load.files.ports import DroppedFile, Ports
from tests.file_drops import Drop
from tests.processes import CONTEXT, NAMED, UNDISTURBED, Blow, Child
from tests.side_effects import WatchedSession, WatchedStore
from utils.errors import PipelineError

Reached = Callable[[str], None]


def watched(ports: Ports, reached: Reached) -> Ports:
    """Return ports whose every side effect is told before and after it happens."""

    @contextlib.contextmanager
    def connect():
        with ports.connect() as session:
            yield WatchedSession(session, reached)

    return replace(ports, connect=connect, quarantine=WatchedStore(ports.quarantine, "quarantine", reached))


def start(url: str, folder: Path, dropped: DroppedFile, notes: Path, blow: Blow = UNDISTURBED) -> Child:
    """Start to load a file."""
    process = CONTEXT.Process(target=_load, args=(url, folder, dropped, notes, blow))
    process.start()
    return Child(process, notes)


def _load(url: str, folder: Path, dropped: DroppedFile, notes: Path, blow: Blow) -> None:
    descriptor = os.open(notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    count = 0

    def reached(point: str) -> None:
        nonlocal count
        count += 1
        os.write(descriptor, f"{point}\n".encode())
        if count == blow.at:
            os.kill(os.getpid(), blow.signal)

    try:
        load_file(dropped, watched(Drop(url, folder).ports, reached))
    except PipelineError as error:
        os.write(descriptor, f"{type(error).__name__}: {error}\n".encode())
        os._exit(NAMED)
