"""Where the registry rests: one contract, kept alike by DynamoDB and by a SQLite file."""

import random
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

from utils.errors import IntegrityError, RegistryUnavailableError
from utils.registry.records import Entry, Head

ATTEMPTS = 50  # of a write that others keep overtaking; several dozen waiting executions get through in a few
LONGEST_PAUSE = 0.2  # seconds

Answer = TypeVar("Answer")


class RegistryStore(Protocol):
    """Heads and entries, of which all of one tenant's table are written together or not at all."""

    def head(self, series: str) -> Head:
        """Return the head as last written, or a new one."""
        ...

    def entry(self, series: str, version: str) -> Entry | None:
        """Return the entry as last written."""
        ...

    def write(self, head: Head, entries: Iterable[Entry]) -> bool:
        """Write a head and entries of its series, unless another write came first since `head.revision` was read."""
        ...

    def heads(self) -> Iterator[Head]:
        """Yield every head, in order of series."""
        ...

    def entries(self, series: str) -> Iterator[Entry]:
        """Yield the entries of one series, in order of version as text."""
        ...


@dataclass(frozen=True)
class View:
    """A head, and the entries as they were then."""

    head: Head
    store: RegistryStore

    def entry(self, version: str) -> Entry | None:
        """Return one version's entry."""
        return self.store.entry(self.head.series, version)

    def known(self, version: str) -> Entry:
        """Return the entry of a version that was registered, or raise IntegrityError."""
        entry = self.entry(version)
        if entry is None:
            raise IntegrityError(f"The registry lost {self.head.series} {version}. Start it again.", version=version)
        return entry


@dataclass(frozen=True)
class Decision(Generic[Answer]):
    """What to answer, and what to write before that; no head means nothing."""

    answer: Answer
    head: Head | None = None
    entries: tuple[Entry, ...] = ()


def transact(store: RegistryStore, series: str, decide: Callable[[View], Decision[Answer]]) -> Answer:
    """Decide upon what the registry holds and write it, again from the start whenever another write came first.

    Whatever is decided must hold for a repeat too: the answer to a write can get lost, and the write be tried again.
    """
    for _ in range(ATTEMPTS):
        view = View(store.head(series), store)
        decision = decide(view)
        if decision.head is None:
            return decision.answer
        if store.write(replace(decision.head, revision=view.head.revision), decision.entries):
            return decision.answer
        time.sleep(random.uniform(0, LONGEST_PAUSE))  # noqa: S311 - only keeps the contenders apart
    raise RegistryUnavailableError(f"Others kept writing to the registry's {series} in {ATTEMPTS} attempts.")
