"""A claim of one version by one execution, and what its owner may ask of the registry while it works."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from utils.errors import LockLostError
from utils.registry.records import Entry, Head
from utils.registry.store import Decision, RegistryStore, View, transact

LEASE_SECONDS = 1_800  # longer than the longest step: 960 s of a function, its retries' waits and SKEW_SECONDS
SKEW_SECONDS = 60  # how far the clocks of two owners may be apart

Clock = Callable[[], float]


@dataclass(frozen=True)
class Claim:
    """The message between the states: whose turn it is, and with which version to compare.

    One order always means the same version compared with the same previous one, so that whatever was
    computed for an order may be used again.
    """

    tenant: str
    table: str
    version: str
    order: int
    fence: int
    previous: str | None
    execution: str

    @property
    def series(self) -> str:
        """What is locked."""
        return f"{self.tenant}/{self.table}"

    @classmethod
    def from_message(cls, message: Mapping[str, Any]) -> "Claim":
        """Read a claim out of a message that may hold more."""
        return cls(**{name: message[name] for name in cls.__dataclass_fields__})

    def holds(self, head: Head) -> bool:
        """Tell whether nobody took the lock over since."""
        return head.owner == self.execution and head.fence == self.fence


@dataclass(frozen=True)
class Lease:
    """What the owner asks of the registry while it works; each question but `still_owner` may raise LockLostError."""

    store: RegistryStore
    claim: Claim
    clock: Clock = time.time

    def still_owner(self) -> bool:
        """Tell whether this execution may go on writing; renew the lease when half of it is over."""
        head = self.store.head(self.claim.series)
        if not self.claim.holds(head):
            return False
        if head.lease_until - self.clock() < LEASE_SECONDS / 2:
            self.renew()
        return True

    def renew(self) -> None:
        """Begin the lease anew."""
        self._write(lambda head, entry: (head, entry))

    def begin(self) -> None:
        """Note that from now on the stream may hold changes of this version.

        From here on no other version is claimed before this one succeeded: what the stream got of it must
        become whole before anything is compared with another version.
        """

        def begun(head: Head, entry: Entry) -> tuple[Head, Entry]:
            return replace(head, publishing=self.claim.version), replace(entry, published=entry.published or 0)

        self._write(begun)

    def published(self) -> int:
        """Return how many changes, from the first, are in the stream for certain."""
        return View(self.store.head(self.claim.series), self.store).known(self.claim.version).published or 0

    def save_published(self, sequence: int) -> None:
        """Note that all changes up to this one are in the stream."""
        self._write(lambda head, entry: (head, replace(entry, published=max(sequence, entry.published or 0))))

    def skip_orders(self, order: int) -> None:
        """Let no later claim have an order up to this one."""
        self._write(lambda head, entry: (replace(head, order=max(order, head.order)), entry))

    def _write(self, change: Callable[[Head, Entry], tuple[Head, Entry]]) -> None:
        def decide(view: View) -> Decision[None]:
            refuse_late(self.claim, view.head)
            head, entry = change(view.head, view.known(self.claim.version))
            return Decision(None, replace(head, lease_until=int(self.clock()) + LEASE_SECONDS), (entry,))

        transact(self.store, self.claim.series, decide)


def is_held(head: Head, now: float) -> bool:
    """Tell whether somebody may still be at work on the series."""
    return head.owner is not None and now < head.lease_until + SKEW_SECONDS


def refuse_late(claim: Claim, head: Head) -> None:
    """Raise LockLostError unless the claim still holds."""
    if not claim.holds(head):
        raise LockLostError(
            f"{claim.execution} no longer holds the lock of {claim.series}: its fence is {claim.fence}, and "
            f"{head.owner or 'nobody'} has {head.fence}. It stops here; the registry shows who went on.",
            series=claim.series,
            version=claim.version,
            fence=claim.fence,
        )
