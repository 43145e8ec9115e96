"""The delivery ledger as a DynamoDB table: key `id`, TTL attribute `expires_at`."""

import random
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config

from utils.aws_errors import Fault, named_errors
from utils.delivered.ledger import Claim, Clock, Outcome, expiry
from utils.errors import AccessDeniedError, ConfigurationError, LedgerUnavailableError

MAX_KEYS = 100  # of one BatchGetItem
THREADS = 16  # a conditional write is a request of its own, of a few milliseconds
ATTEMPTS = 6  # of a table that answers for none of the records asked for
FIRST_PAUSE = 0.1  # seconds; the longest so far doubles it
MAX_PAUSE = 5.0
CONDITION = "ConditionalCheckFailedException"
FREE = "attribute_not_exists(id) OR claimed_until < :now OR claimed_by = :owner"
NOT_DELIVERED = "attribute_not_exists(outcome) OR outcome <> :delivered"

Item = dict[str, dict[str, str]]


@dataclass(frozen=True)
class DynamoLedger:
    """An item for each record; every change of one is a conditional write."""

    table: str
    clock: Clock = time.time
    client: Any = field(default=None, repr=False)
    pause: Callable[[float], None] = time.sleep
    uniform: Callable[[float, float], float] = random.uniform

    @cached_property
    def _dynamodb(self) -> Any:
        retries: Any = {"mode": "standard", "max_attempts": 5}  # the stubs know no plain dict
        config = Config(retries=retries, connect_timeout=5, read_timeout=10, max_pool_connections=THREADS)
        return self.client or boto3.client("dynamodb", config=config)

    def settled(self, ids: Collection[str]) -> set[str]:
        """Return those of the ids that were delivered or refused."""
        wanted = sorted(set(ids))
        slices = [wanted[first : first + MAX_KEYS] for first in range(0, len(wanted), MAX_KEYS)]
        return {item["id"]["S"] for keys in slices for item in self._get(keys) if "outcome" in item}

    def _get(self, ids: list[str]) -> Iterator[Item]:
        asked, unanswered = ids, 0  # calls in a row that brought nothing
        while asked:
            with _named_errors(self.table):
                answer = self._dynamodb.batch_get_item(RequestItems={self.table: _consistent(asked)})
            yield from answer["Responses"].get(self.table, ())
            rest = [each["id"]["S"] for each in answer.get("UnprocessedKeys", {}).get(self.table, {}).get("Keys", ())]
            unanswered = unanswered + 1 if len(rest) == len(asked) else 0
            if rest:
                self._rest(len(rest), unanswered)
            asked = rest

    def _rest(self, count: int, unanswered: int) -> None:
        """Give a busy table a pause, with full jitter, or up."""
        if unanswered == ATTEMPTS:
            raise LedgerUnavailableError(
                f"The delivery ledger {self.table} is busy and left {count} records unanswered."
            )
        self.pause(self.uniform(0, min(MAX_PAUSE, FIRST_PAUSE * 2**unanswered)))

    def claim(self, ids: Collection[str], claim: Claim, again: bool = False) -> set[str]:
        """Claim and return those that are not settled and nobody else's."""
        values = {":now": _number(self.clock()), ":owner": _text(claim.owner)}
        if again:
            values[":refused"] = _text(Outcome.REFUSED)
        terms = {
            "ConditionExpression": f"{FREE} OR outcome = :refused" if again else FREE,
            "ExpressionAttributeValues": values,
        }
        claimed = {
            "claimed_by": _text(claim.owner),
            "claimed_until": _number(claim.until),
            "expires_at": _number(expiry(claim.until)),
        }
        return self._each(ids, lambda record: self._put(record, claimed, terms))

    def settle(self, ids: Collection[str], outcome: Outcome) -> None:
        """Note what became of records and end their claims."""
        settled = {"outcome": _text(outcome), "expires_at": _number(expiry(self.clock()))}
        terms = {
            "ConditionExpression": NOT_DELIVERED,
            "ExpressionAttributeValues": {":delivered": _text(Outcome.DELIVERED)},
        }
        self._each(ids, lambda record: self._put(record, settled, terms))

    def release(self, ids: Collection[str], claim: Claim) -> None:
        """Give up one's own claims of records that were not settled."""
        terms = {
            "ConditionExpression": "claimed_by = :owner",
            "ExpressionAttributeValues": {":owner": _text(claim.owner)},
        }
        self._each(ids, lambda record: self._write("delete_item", Key=_key(record), **terms))

    def _put(self, record: str, attributes: Item, terms: Mapping[str, Any]) -> bool:
        return self._write("put_item", Item={**_key(record), **attributes}, **terms)

    def _write(self, operation: str, **words: Any) -> bool:
        """Write one item, and tell whether its condition held."""
        try:
            with _named_errors(self.table):
                getattr(self._dynamodb, operation)(TableName=self.table, **words)
        except _ConditionFailedError:
            return False
        return True

    def _each(self, ids: Collection[str], write: Callable[[str], bool]) -> set[str]:
        """Write for each of the ids, several at a time, and return those whose condition held."""
        wanted = sorted(set(ids))
        _ = self._dynamodb  # made once, before threads ask for it
        with ThreadPoolExecutor(THREADS) as pool:
            return {record for record, held in zip(wanted, pool.map(write, wanted), strict=True) if held}


class _ConditionFailedError(Exception):
    """The item is not as the write asked for."""


def _named_errors(table: str) -> AbstractContextManager[None]:
    return named_errors(f"The delivery ledger {table}", LedgerUnavailableError, lambda fault: _named(fault, table))


def _named(fault: Fault, table: str) -> Exception:
    if fault.code == CONDITION:
        return _ConditionFailedError()
    if fault.code == "ResourceNotFoundException":
        return ConfigurationError(f"There is no DynamoDB table {table}. Create it, or correct LEDGER.")
    if fault.is_denied:
        return AccessDeniedError(f"DynamoDB refused {table}: {fault.message}. Grant this role access to it.")
    return LedgerUnavailableError(f"The delivery ledger {table} did not answer: {fault.code}: {fault.message}")


def _consistent(ids: list[str]) -> dict[str, Any]:
    return {"Keys": [_key(record) for record in ids], "ConsistentRead": True}


def _key(record: str) -> Item:
    return {"id": _text(record)}


def _text(text: str) -> dict[str, str]:
    return {"S": str(text)}


def _number(number: float) -> dict[str, str]:
    return {"N": str(int(number))}
