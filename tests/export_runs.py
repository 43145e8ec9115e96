"""One version from registering to its end in a process of its own, which a signal ends at a side effect.

The stream is a file, and the delta a stand-in that publishes the export's lines in batches, as the real one does:
it begins, asks before each batch whether it may go on, and notes what is in.
"""

import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from extraction.exports.pipeline import CLAIMED, acquire_lock, fail_version, finish_version, register_version
from extraction.exports.ports import Ports
from tests.export_factories import Clock, World
from utils.errors import LockHeldError, LockLostError, PipelineError
from utils.registry.claim import Claim, Lease
from utils.registry.records import Entry, Head
from utils.registry.store import RegistryStore

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.export_runs"])
PATIENCE = 60.0  # seconds
BATCH = 2
Reached = Callable[[str], None]


def nobody(_point: str) -> None:
    """Be told, and do nothing."""


@dataclass(frozen=True)
class WatchedRegistry:
    """A registry whose writes are told, before and after."""

    store: RegistryStore
    reached: Reached

    def write(self, head: Head, entries: Iterable[Entry]) -> bool:
        self.reached("registry: not written")
        written = self.store.write(head, entries)
        self.reached("registry: written")
        return written

    def __getattr__(self, name: str) -> object:
        return getattr(self.store, name)


@dataclass(frozen=True)
class Run:
    """One execution to be."""

    world: World
    stream: Path
    version: str
    execution: str
    reached: Reached = nobody
    breaks_at: str = ""  # the point at which the delta raises

    @property
    def ports(self) -> Ports:
        ports = self.world.ports
        return replace(ports, registry=WatchedRegistry(ports.registry, self.reached))

    def run(self) -> None:
        """Do what the state machine does, its Catch included; wait for the lock as its Retry does."""
        request, ports = self.world.request(self.version, self.execution), self.ports
        try:
            more = register_version(request, ports)["outcome"] == "registered"
            while more:
                answer = self._acquire(request, ports)
                if answer["outcome"] != CLAIMED:
                    return
                claim = Claim.from_message(answer)
                counts = {"INSERT": self.publish(claim, ports)}
                more = finish_version(request, claim, counts, ports)["more"]
        except PipelineError as error:
            fail_version(request, f"{type(error).__name__}: {error}", ports)
            raise

    def _acquire(self, request, ports):
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return acquire_lock(request, ports)
            except LockHeldError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def publish(self, claim: Claim, ports: Ports) -> int:
        """Publish the export's lines from where the last attempt stopped."""
        lease = Lease(ports.registry, claim, ports.clock)
        path = self.world.folder / claim.tenant / claim.table / claim.version / "staff.csv"
        rows = path.read_text().splitlines()[1:]
        lease.begin()
        for first in range(lease.published(), len(rows), BATCH):
            if not lease.still_owner():
                raise LockLostError
            batch = list(enumerate(rows[first : first + BATCH], first + 1))
            self.reached("stream: not written")
            self._put({"order": claim.order, "sequence": number, "row": row} for number, row in batch)
            self.reached("stream: written")
            lease.save_published(batch[-1][0])
        return len(rows)

    def _put(self, records: Iterable[dict[str, object]]) -> None:
        text = "".join(json.dumps(record) + "\n" for record in records)
        descriptor = os.open(self.stream, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(descriptor, text.encode())
        os.close(descriptor)


def read_stream(path: Path) -> list[tuple[int, int, str]]:
    """Return what a consumer that knows each change's order and sequence takes from the stream, in its order."""
    records = [json.loads(line) for line in path.read_text().splitlines()]
    return sorted({(record["order"], record["sequence"], record["row"]) for record in records})


@dataclass(frozen=True)
class Order:
    """A run in words that a process can be given."""

    folder: Path
    registry: str
    stream: Path
    version: str
    execution: str
    now: int
    blow_at: int = 0  # the side effect at which it kills itself; 0: none

    def run(self) -> None:
        """Run in this process."""
        count = 0

        def reached(_point: str) -> None:
            nonlocal count
            count += 1
            if count == self.blow_at:
                os.kill(os.getpid(), signal.SIGKILL)

        clock = Clock()
        clock.now = self.now
        Run(World(self.folder, self.registry, clock), self.stream, self.version, self.execution, reached).run()


def start(order: Order, environment: dict[str, str]):
    """Start a run in a process of its own."""
    process = CONTEXT.Process(target=_run, args=(order, environment))
    process.start()
    return process


def _run(order: Order, environment: dict[str, str]) -> None:
    os.environ.update(environment)
    order.run()


def end(process) -> int:
    """Wait for the end and return the status; a signal's is negative."""
    process.join(PATIENCE)
    if process.exitcode is None:
        process.kill()
        raise TimeoutError(process.name)
    return process.exitcode


def points_of(run: Run) -> Iterator[str]:
    """Run here, and yield every point that it reached."""
    found: list[str] = []
    replace(run, reached=found.append).run()
    yield from found
