"""Which records were delivered: one contract, kept alike by a DynamoDB table and by a SQLite file."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from utils.delivery_project import DAY_SECONDS, KEEP_DAYS
from utils.errors import ConfigurationError

DYNAMODB = "dynamodb://"

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


def open_ledger(name: str) -> DeliveryLedger:
    """Open `dynamodb://table` or a SQLite file, which is created when first used."""
    if not name.removeprefix(DYNAMODB):
        raise ConfigurationError("The delivery ledger has no name. Give dynamodb://table or a file.")
    if name.startswith(DYNAMODB):
        from utils.delivered_dynamodb import DynamoLedger  # one machine does not wait for boto3

        return DynamoLedger(name.removeprefix(DYNAMODB))
    if "://" in name:
        raise ConfigurationError(f"The delivery ledger {name} is neither dynamodb://table nor a file.")
    from utils.delivered_sqlite import SqliteLedger  # on Lambda there is no file to keep

    return SqliteLedger(Path(name).expanduser())
