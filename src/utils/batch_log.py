"""The log: batches numbered 1, 2, 3 ... without gaps, each existing when its manifest does.

The log is the one place of state. Because it has no gaps, its newest number is found by asking for a few
names instead of listing; that costs the same after a year as on day one. The hint says where to start
asking. It may be stale, never wrong: a hint that names no manifest is ignored.
"""

from collections.abc import Callable
from dataclasses import dataclass

from utils.errors import IntegrityError, ManifestConflictError, ObjectExistsError, ObjectMissingError
from utils.manifest import LandingManifest, ProcessedManifest, checksum, decode, encode
from utils.store import ObjectStore

HINT = "_log/newest"


def _newest(holds: Callable[[int], bool], known: int) -> int:
    """Return the greatest n with holds(n), where holds is true for 1..n and false after; known may be 0."""
    low, step = known, 1
    while holds(low + step):
        low, step = low + step, step * 2
    high = low + step
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def _read_hint(store: ObjectStore, holds: Callable[[int], bool]) -> int:
    try:
        hint = int(store.read(HINT))
    except (ObjectMissingError, ValueError):
        return 0
    return hint if hint > 0 and holds(hint) else 0


@dataclass(frozen=True)
class LandingEntry:
    """A landing manifest and the checksum it is known by."""

    manifest: LandingManifest
    checksum: str


@dataclass(frozen=True)
class LandingLog:
    """The landing store's manifests."""

    store: ObjectStore

    @staticmethod
    def key(number: int) -> str:
        """Return the manifest's key."""
        return f"_log/{number:012d}.json"

    def newest(self) -> int:
        """Return the newest batch's number, 0 when there is none."""

        def holds(number: int) -> bool:
            return self.store.exists(self.key(number))

        return _newest(holds, _read_hint(self.store, holds))

    def read(self, number: int) -> LandingEntry:
        """Return a batch's manifest with its checksum."""
        body = self.store.read(self.key(number))
        manifest = decode(LandingManifest, body, f"{self.store.url}/{self.key(number)}")
        if manifest.number != number:
            raise IntegrityError(
                f"{self.store.url}/{self.key(number)} says it is batch {manifest.number}. "
                "Restore that object's first version."
            )
        return LandingEntry(manifest, checksum(body))

    def commit(self, manifest: LandingManifest) -> None:
        """Make the batch exist, or raise ManifestConflictError when another run took its number.

        A reply may be lost after the write: then the number is taken by this very attempt, which is success.
        """
        key = self.key(manifest.number)
        try:
            self.store.create(key, encode(manifest))
        except ObjectExistsError as error:
            winner = self.read(manifest.number).manifest
            if (winner.run_id, winner.token) != (manifest.run_id, manifest.token):
                raise ManifestConflictError(
                    f"Run {winner.run_id} committed batch {manifest.number} first; this run's files count for nothing.",
                    batch=manifest.number,
                ) from error
        self.store.put(HINT, str(manifest.number).encode())


@dataclass(frozen=True)
class ProcessedLog:
    """The processed store's manifests; a batch may be transformed again, and its highest attempt counts."""

    store: ObjectStore

    @staticmethod
    def key(number: int, attempt: int) -> str:
        """Return the manifest's key."""
        return f"_log/{number:012d}.{attempt}.json"

    def newest(self) -> int:
        """Return the newest transformed batch's number, 0 when there is none."""

        def holds(number: int) -> bool:
            return self.store.exists(self.key(number, 1))

        return _newest(holds, _read_hint(self.store, holds))

    def newest_attempt(self, number: int) -> int:
        """Return the highest attempt at a batch, 0 when it was never transformed."""
        return _newest(lambda attempt: self.store.exists(self.key(number, attempt)), 0)

    def read(self, number: int) -> ProcessedManifest:
        """Return the manifest of a batch's highest attempt, or raise ObjectMissingError."""
        return self.read_attempt(number, max(1, self.newest_attempt(number)))

    def read_attempt(self, number: int, attempt: int) -> ProcessedManifest:
        """Return the manifest of one attempt, or raise ObjectMissingError."""
        key = self.key(number, attempt)
        manifest = decode(ProcessedManifest, self.store.read(key), f"{self.store.url}/{key}")
        if (manifest.number, manifest.attempt) != (number, attempt):
            raise IntegrityError(
                f"{self.store.url}/{key} says it is attempt {manifest.attempt} at batch {manifest.number}. "
                "Restore that object's first version."
            )
        return manifest

    def commit(self, manifest: ProcessedManifest) -> None:
        """Make the attempt exist, or raise ManifestConflictError when another run made it first.

        A manifest names files that no other run writes: one that is equal is this run's, its reply lost.
        """
        try:
            self.store.create(self.key(manifest.number, manifest.attempt), encode(manifest))
        except ObjectExistsError as error:
            if self.read_attempt(manifest.number, manifest.attempt) != manifest:
                raise ManifestConflictError(
                    f"Another run transformed batch {manifest.number} first; this run's files count for nothing.",
                    batch=manifest.number,
                ) from error
        self.store.put(HINT, str(manifest.number).encode())
