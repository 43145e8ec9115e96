"""Changes put into the stream: in full batches, again until each is in, from where an earlier attempt stopped.

A row's changes never overtake each other. Within a version a key occurs once, so records of one version may
enter in any order, and a refused one may follow later ones. Versions follow each other, for the lock is held
until every record of a version is in. What a late owner still sends, after it paused between asking for the lock
and sending, is a copy of what its successor sends: one order always means the same changes. It has the same order
and sequence, by which whoever applies it knows what is older or done.
"""

import hashlib
import itertools
import random
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from transformation.delta.ports import Lease, Ports, Record
from utils.changes import Reference, from_json
from utils.deadline import Deadline, Stopwatch
from utils.errors import LockLostError, ServiceUnavailableError

MAX_RECORDS = 500  # of one call
MAX_BYTES = 5 << 20  # of one call, partition keys included
MAX_RECORD_BYTES = 1 << 20  # of one record, its partition key included
IN_FLIGHT = 4  # calls at a time; one alone waits for the answer most of its time
PATIENCE = 120.0  # seconds for one batch; a stream that is too small stops the execution, which resumes
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0  # seconds; a shard's limits are counted by the second


@dataclass(frozen=True)
class Batch:
    """What one call sends, and the sequence of its last change."""

    records: tuple[Record, ...]
    last: int


def publish(path: Path, large: str, ports: Ports, deadline: Deadline) -> int:
    """Put every change of the file into the stream that is not in it yet; return the last sequence that is.

    It is noted only after all before it are in, so a crash repeats some changes and leaves none out.
    """
    done, stopwatch = ports.lease.published(), Stopwatch()
    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        for wave in _waves(batches(_records(path, done, large, ports), done)):
            stopwatch.lap()
            list(pool.map(lambda batch: _send(batch.records, ports), wave))
            done = wave[-1].last
            ports.lease.save_published(done)
            stopwatch.lap()
            if not deadline(stopwatch.longest):
                break
    return done


def _waves(found: Iterator[Batch]) -> Iterator[tuple[Batch, ...]]:
    while wave := tuple(itertools.islice(found, IN_FLIGHT)):
        yield wave


def _records(path: Path, done: int, large: str, ports: Ports) -> Iterator[Record]:
    with path.open("rb") as lines:
        for line in itertools.islice(lines, done, None):
            yield _record(line.rstrip(b"\n"), large, ports)


def _record(line: bytes, large: str, ports: Ports) -> Record:
    """Return the change as a record; one too large for the stream is put into the store first, and referred to."""
    change = from_json(line)
    record = Record(line, change.partition_key)
    if record.bytes <= MAX_RECORD_BYTES:
        return record
    key = f"{large}/{change.sequence:012d}.json"
    ports.changes.write(key, [line])
    reference = Reference(key, hashlib.sha256(line).hexdigest(), len(line))
    return replace(record, data=reference.to_json(change.idempotency_key).encode())


def batches(records: Iterable[Record], done: int) -> Iterator[Batch]:
    """Gather records into batches as full as one call may be."""
    gathered: list[Record] = []
    size = 0
    for record in records:
        if gathered and (len(gathered) == MAX_RECORDS or size + record.bytes > MAX_BYTES):
            done += len(gathered)
            yield Batch(tuple(gathered), done)
            gathered, size = [], 0
        gathered.append(record)
        size += record.bytes
    if gathered:
        yield Batch(tuple(gathered), done + len(gathered))


def _send(records: Sequence[Record], ports: Ports) -> None:
    """Send records again and again until each is in, or raise ServiceUnavailableError."""
    until = time.monotonic() + PATIENCE
    for attempt in itertools.count():
        refuse_late(ports.lease)
        records, reason = _attempt(records, ports)
        if not records:
            return
        if time.monotonic() > until:
            raise ServiceUnavailableError(
                f"The stream still refuses {len(records)} changes after {attempt + 1} attempts: {reason}. The next "
                "attempt resumes there. If it happens again, give the stream more shards, or make it on-demand.",
                refused=len(records),
            )
        # Full jitter: callers that were refused together do not come back together.
        ports.pause(random.uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(attempt, 10))))  # noqa: S311


def _attempt(records: Sequence[Record], ports: Ports) -> tuple[Sequence[Record], str]:
    """Send once; return what is not in for certain, and why. Sent twice is harmless, not at all is not."""
    try:
        refused = ports.stream.put(records)
    except ServiceUnavailableError as error:
        return records, str(error)
    return [records[place] for place in refused], ", ".join(sorted(set(refused.values())))


def refuse_late(lease: Lease) -> None:
    """Raise LockLostError if another execution has taken over."""
    if not lease.still_owner():
        raise LockLostError
