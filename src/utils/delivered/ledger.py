"""Which records were delivered: one contract, kept alike by a DynamoDB table and by a SQLite file."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from utils.delivery_project import DAY_SECONDS, KEEP_DAYS

Clock = Callable[[], float]


class Outcome(StrEnum):
    """How a record was settled."""

    DELIVERED = "delivered"
    REFUSED = "refused"  # by the endpoint, for good: the record is in the dead-letter queue


@dataclass(frozen=True)
class Claim:
    """One worker's turn: `until` lies behind the moment at which it can no longer be at work."""

    owner: str
    until: int  # seconds since 1970


class DeliveryLedger(Protocol):
    """What became of records, by their ids; whoever delivers claims them first, so that no two do at once."""

    def settled(self, ids: Collection[str]) -> set[str]:
        """Return those of the ids that were delivered or refused, and so need not be queued."""
        ...

    def claim(self, ids: Collection[str], claim: Claim, again: bool = False) -> set[str]:
        """Claim and return those that are not settled and nobody else's; with `again`, refused ones too."""
        ...

    def settle(self, ids: Collection[str], outcome: Outcome) -> None:
        """Note what became of records and end their claims; what was delivered stays delivered."""
        ...

    def release(self, ids: Collection[str], claim: Claim) -> None:
        """Give up one's own claims of records that were not settled."""
        ...


def expiry(now: float) -> int:
    """Return when the ledger may forget a record that is settled now."""
    return int(now) + KEEP_DAYS * DAY_SECONDS
