"""One run through wrappers of the real ports that tell of every side effect, before it and after it.

A point is what was just about to happen or has just happened, such as `landing manifest: written`. Whoever is told
may kill the process, stop it, or break what the run depends on: tests do each of these at every point.
"""

import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import boto3

from extraction.database import pipeline as extraction
from extraction.database import wiring as extraction_wiring
from load.warehouse import pipeline as load
from load.warehouse import wiring as load_wiring
from local.warehouse.run import Job
from transformation.star_schema import pipeline as transformation
from transformation.star_schema import wiring as transformation_wiring
from utils.deadline import no_deadline
from utils.store import ObjectStore, Written

Reached = Callable[[str], None]
MULTIPART = {"CreateMultipartUpload": "begin", "UploadPart": "part", "CompleteMultipartUpload": "complete"}
# The first words of a statement, and what it is for; what else writes prepares tables.
PURPOSES = {
    "BEGIN": "transaction",
    "COMMIT": "commit",
    "INSERT INTO starlift.ledger": "ledger row",
    "INSERT INTO starlift.processed_files": "ledger row",
    "INSERT INTO starlift.models": "definitions",
    "INSERT INTO": "merge",
    "UPDATE": "merge",
    "DELETE": "merge",
    "SELECT pg_advisory_xact_lock": "lock",
    "CREATE TEMP": "staging table",
}


def nobody(_point: str) -> None:
    """Be told, and do nothing."""


@dataclass(frozen=True)
class WatchedStore:
    """One half of a store, whose writes are told."""

    store: ObjectStore
    half: str  # "landing" or "processed"
    reached: Reached

    def write(self, key: str, blocks: Iterable[bytes]) -> Written:
        """Stream blocks, and tell when the first of them, or half of an only one, is written."""
        self.reached(f"{self.half} file: not begun")
        written = self.store.write(key, told_halfway(iter(blocks), self.reached, f"{self.half} file: half written"))
        self.reached(f"{self.half} file: written")
        return written

    def create(self, key: str, body: bytes) -> None:
        """Create a manifest."""
        self.reached(f"{self.half} manifest: not written")
        self.store.create(key, body)
        self.reached(f"{self.half} manifest: written")

    def put(self, key: str, body: bytes) -> None:
        """Put a hint."""
        self.reached(f"{self.half} hint: not written")
        self.store.put(key, body)
        self.reached(f"{self.half} hint: written")

    def __getattr__(self, name: str) -> object:
        return getattr(self.store, name)


@dataclass(frozen=True)
class WatchedPort:
    """Any port, of which the named methods are side effects."""

    port: object
    reached: Reached
    effects: Mapping[str, str]  # what each method is called when told

    def __getattr__(self, name: str) -> object:
        found = getattr(self.port, name)
        return self._told(found, self.effects[name]) if name in self.effects else found

    def _told(self, effect: Callable[..., object], name: str) -> Callable[..., object]:
        def told(*args: object, **more: object) -> object:
            self.reached(f"{name}: not begun")
            answer = effect(*args, **more)
            self.reached(f"{name}: done")
            return answer

        return told


class WatchedSession:
    """A session of the warehouse, whose statements that change something are told."""

    def __init__(self, session, reached: Reached) -> None:
        self._session = session
        self._reached = reached

    def run(self, sql, **parameters):
        purpose = purpose_of(sql)
        if purpose is None:
            return self._session.run(sql, **parameters)
        self._reached(f"{purpose}: not sent")
        found = self._session.run(sql, **parameters)
        self._reached(f"{purpose}: done")
        return found

    def copy_in(self, statement, blocks):
        self._reached("staging COPY: not sent")
        count = self._session.copy_in(statement, told_halfway(iter(blocks), self._reached, "staging COPY: half sent"))
        self._reached("staging COPY: done")
        return count

    def __getattr__(self, name):
        return getattr(self._session, name)


def told_halfway(blocks: Iterator[bytes], reached: Reached, point: str) -> Iterator[bytes]:
    """Yield the blocks, and tell after the first of them, or after half of an only one."""
    first, second = next(blocks, b""), next(blocks, None)
    begun = first if second is not None else first[: len(first) // 2]
    yield begun
    reached(point)
    yield first[len(begun) :] if second is None else second
    yield from blocks


def purpose_of(sql: str) -> str | None:
    """Say what a statement is for, or None if it only reads."""
    words = " ".join(sql.split())
    for begin, purpose in PURPOSES.items():
        if words.startswith(begin):
            return purpose
    return None if words.startswith("SELECT") else "tables"


def watch_multipart(reached: Reached) -> None:
    """Tell, from now on, before and after each request of a multipart upload by boto3's default session."""
    boto3.setup_default_session()
    events = boto3.DEFAULT_SESSION.events
    for operation, name in MULTIPART.items():
        events.register(f"before-send.s3.{operation}", partial(_tell, reached, f"multipart {name}: not sent"))
        events.register(f"after-call.s3.{operation}", partial(_tell, reached, f"multipart {name}: done"))


def _tell(reached: Reached, point: str, **_event: object) -> None:
    reached(point)


@dataclass(frozen=True)
class Watched:
    """One run to be, and who is told of its side effects."""

    job: Job
    reached: Reached = nobody
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    lock_seconds: float = 0.5

    def run(self) -> None:
        """Run the three stages, each from ports of its own as on AWS."""
        landing = WatchedStore(self.job.landing, "landing", self.reached)
        processed = WatchedStore(self.job.processed, "processed", self.reached)
        self._extract(landing, processed)
        self.reached("extraction: ended")
        with tempfile.TemporaryDirectory(prefix="starlift-") as folder:
            self._transform(landing, processed, Path(folder))
            self.reached("transformation: ended")
            self._load(processed, Path(folder))
        self.reached("load: ended")

    def _extract(self, landing: WatchedStore, processed: WatchedStore) -> None:
        run = extraction.Run(self.run_id, datetime.now(UTC), uuid.uuid4().hex[:8])
        with extraction_wiring.open_ports(self.job.project, self.job.source, landing, processed) as ports:
            extraction.extract_batch(run, ports)

    def _transform(self, landing: WatchedStore, processed: WatchedStore, scratch: Path) -> None:
        with transformation_wiring.open_ports(self.job.project, landing, processed, scratch) as ports:
            transformation.transform_pending(self.run_id, ports, no_deadline)

    def _load(self, processed: WatchedStore, scratch: Path) -> None:
        with load_wiring.open_ports(self.job.project, self.job.warehouse, processed, scratch) as ports:
            session = WatchedSession(ports.warehouse, self.reached)
            load.load_pending(
                self.run_id, replace(ports, warehouse=session, lock_seconds=self.lock_seconds), no_deadline
            )
