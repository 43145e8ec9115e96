"""Runs in processes of their own, which a signal ends or stops at a side effect as it would at any moment.

Children are forked from a server that has imported everything, so one costs what its run costs.
"""

import multiprocessing
import os
import resource
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from local.warehouse.run import Job
from tests.side_effects import Reached, Watched, watch_multipart
from utils.errors import PipelineError
from utils.postgres.url import parse_url
from utils.project import read_project

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.side_effects"])
PATIENCE = 60.0  # seconds; a run of these tests takes less than one
NAMED = 3  # exit status of a run that an error with a name ended


@dataclass(frozen=True)
class Place:
    """Where runs take place, in words that a process can be given."""

    project: Path
    source: str
    warehouse: str
    store: str
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def job(self) -> Job:
        """The same, opened."""
        return Job(read_project(self.project), parse_url(self.source), parse_url(self.warehouse), self.store)


@dataclass(frozen=True)
class Blow:
    """The signal that a run sends itself at its n-th side effect, or at no one's."""

    at: int = 0
    signal: int = signal.SIGKILL


UNDISTURBED = Blow()


@dataclass(frozen=True)
class Child:
    """A run in a process of its own, and the file in which it notes each point that it reaches."""

    process: ForkServerProcess
    notes: Path

    @property
    def points(self) -> list[str]:
        """Every point reached so far, and the error that ended the run if one did."""
        return self.notes.read_text().splitlines() if self.notes.exists() else []

    def end(self) -> int:
        """Wait for the end and return the status; a signal's is negative."""
        self.process.join(PATIENCE)
        if self.process.exitcode is None:
            self.process.kill()
            raise TimeoutError(f"still at {self.points[-1:]}")
        return self.process.exitcode

    def wait_until_stopped(self) -> bool:
        """Wait until the run has stopped itself, and return True; False if it ended before."""
        while self.process.exitcode is None:
            stat = Path(f"/proc/{self.process.pid}/stat").read_text()
            if stat.rpartition(")")[2].split()[0] == "T":
                return True
            self.process.join(0.005)
        return False

    def go_on(self) -> None:
        """Let a stopped run continue."""
        os.kill(self.process.pid, signal.SIGCONT)


def start(place: Place, notes: Path, blow: Blow = UNDISTURBED, run_id: str = "", file_bytes: int = 0) -> Child:
    """Start a run; `file_bytes` bounds the size of each file that it may write, as a full disk would."""
    return start_work(_run, (place, run_id, file_bytes), notes, blow)


def _run(place: Place, run_id: str, file_bytes: int, reached: Reached) -> None:
    os.environ.update(place.environment)
    if file_bytes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, resource.RLIM_INFINITY))
    watch_multipart(reached)
    Watched(place.job, reached, **({"run_id": run_id} if run_id else {})).run()


def start_work(work: Callable[..., None], given: tuple[object, ...], notes: Path, blow: Blow = UNDISTURBED) -> Child:
    """Start a function of a module in a process of its own; after what it is given it gets whom to tell its points."""
    process = CONTEXT.Process(target=_work, args=(work, given, notes, blow))
    process.start()
    return Child(process, notes)


def _work(work: Callable[..., None], given: tuple[object, ...], notes: Path, blow: Blow) -> None:
    descriptor = os.open(notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    count, one_at_a_time = 0, threading.Lock()  # work may have threads of its own

    def reached(point: str) -> None:
        nonlocal count
        with one_at_a_time:
            count += 1
            os.write(descriptor, f"{point}\n".encode())
            if count == blow.at:
                os.kill(os.getpid(), blow.signal)

    try:
        work(*given, reached)
    except PipelineError as error:
        os.write(descriptor, f"{type(error).__name__}: {error}\n".encode())
        os._exit(NAMED)
