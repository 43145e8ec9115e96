"""Objects that no batch names: what killed runs, lost races and failed uploads leave behind. They count for nothing."""

import logging
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from utils.batch_log import LandingLog, ProcessedLog
from utils.errors import ConfigurationError
from utils.open_store import below, open_store
from utils.store import StoredObject

logger = logging.getLogger(__name__)

LOG = "_log/"  # manifests and hints, which nobody may remove
LONGEST_RUN = timedelta(minutes=20)  # a Lambda ends after 15; what is younger may belong to a run at work
SHORTEST_AGE = timedelta(hours=1)  # for removal: a first load from a host may take long
PROGRESS = 5_000  # manifests between two lines of progress
MARGIN = 20  # batches
MINUTE = re.compile(r"/(\d{4}/\d\d/\d\d/\d\d-\d\d)/")


@dataclass(frozen=True)
class _Half:
    """One of the two logs, with how its manifests are read."""

    log: LandingLog | ProcessedLog
    files: Callable[[int], Iterator[str]]  # the keys that a batch's manifests name

    def named(self, numbers: Iterable[int]) -> set[str]:
        """Return the keys that these batches name."""
        keys: set[str] = set()
        for count, number in enumerate(numbers, 1):
            keys.update(self.files(number))
            if count % PROGRESS == 0:
                logger.info("manifests read", extra={"row_count": count})
        return keys


@dataclass(frozen=True)
class Orphans:
    """Objects of one half of a store that no manifest names."""

    half: _Half
    newest: int  # batch when they were looked for
    objects: tuple[StoredObject, ...]

    @property
    def bytes(self) -> int:
        """Their size together."""
        return sum(found.bytes for found in self.objects)


def _halves(store: str) -> tuple[_Half, _Half]:
    landing = LandingLog(open_store(below(store, "landing")))
    processed = ProcessedLog(open_store(below(store, "processed")))

    def landed(number: int) -> Iterator[str]:
        return (file.key for table in landing.read(number).manifest.tables for file in table.files)

    def transformed(number: int) -> Iterator[str]:
        attempts = range(1, processed.newest_attempt(number) + 1)
        manifests = (processed.read_attempt(number, attempt) for attempt in attempts)
        return (file.key for manifest in manifests for table in manifest.tables for file in table.files)

    return _Half(landing, landed), _Half(processed, transformed)


def find_orphans(store: str, older_than: timedelta, now: datetime) -> list[Orphans]:
    """Return every object of a store that is older than a limit and that no batch names.

    Objects are listed before the manifests are read: one that a run writes meanwhile is not in the list, and
    one that a run commits meanwhile is named by then.
    """
    if older_than < SHORTEST_AGE:
        raise ConfigurationError(
            "Objects younger than an hour may belong to a run at work; give --older-than 1h or more."
        )
    halves = _halves(store)
    if not any(True for half in halves for _ in half.log.store.list("")):
        raise ConfigurationError(f"The store {store} is empty. Is its name right?")
    return [_find(half, older_than, now) for half in halves]


def _find(half: _Half, older_than: timedelta, now: datetime) -> Orphans:
    old = [found for found in _data(half) if now - found.modified > older_than]
    newest = half.log.newest()
    named = half.named(range(1, newest + 1)) if old else set()
    return Orphans(half, newest, tuple(found for found in old if found.key not in named))


def _data(half: _Half) -> Iterator[StoredObject]:
    return (found for found in half.log.store.list("") if not found.key.startswith(LOG))


def remove(orphans: Orphans) -> int:
    """Delete objects, after a last look at what was committed since they were found; return how many went."""
    store, named = orphans.half.log.store, orphans.half.named(range(orphans.newest + 1, orphans.half.log.newest() + 1))
    doomed = [found for found in orphans.objects if found.key not in named]
    for count, found in enumerate(doomed, 1):
        store.delete(found.key)
        if count % PROGRESS == 0:
            logger.info("orphans removed", extra={"row_count": count})
    return len(doomed)


def recent_orphans(store: str, since: datetime, now: datetime, batches: int) -> list[Orphans]:
    """Return what no batch names of all that runs wrote since then, at the cost of a listing a table and day.

    `batches` is how many of the newest batches began since then; some more are read, for a retried run may end
    after younger ones.
    """
    since = max(since, now - timedelta(days=2)).replace(second=0, microsecond=0)
    return [_recent(half, since, now, batches + MARGIN) for half in _halves(store)]


def _recent(half: _Half, since: datetime, now: datetime, batches: int) -> Orphans:
    newest = half.log.newest()
    named = half.named(range(max(1, newest - batches + 1), newest + 1))
    folders = {key[: found.start()] for key in named if (found := MINUTE.search(key))}
    days = sorted({f"{day:%Y/%m/%d}" for day in (since, since + timedelta(days=1), now)})
    listed = (found for folder in sorted(folders) for day in days for found in half.log.store.list(f"{folder}/{day}/"))
    settled = (found for found in listed if found.modified < now - LONGEST_RUN and _begun(found.key) >= since)
    return Orphans(half, newest, tuple(found for found in settled if found.key not in named))


def _begun(key: str) -> datetime:
    """Return the minute that a key tells."""
    found = MINUTE.search(key)
    return (
        datetime.strptime(found.group(1) + "+0000", "%Y/%m/%d/%H-%M%z") if found else datetime.min.replace(tzinfo=UTC)
    )
