"""Batches of records: how many fit into one POST, and by which key the endpoint knows a batch again."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from utils.delivery_project import DeliveryLimits

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Batch:
    """Records that are posted together."""

    records: tuple[Record, ...]
    refusals: int = 0  # of the record before a person sent it again

    @property
    def ids(self) -> list[str]:
        """Return the records' ids, in order."""
        return [record["id"] for record in self.records]

    @property
    def body(self) -> bytes:
        """Return what is posted."""
        return as_json(self.records)

    @property
    def key(self) -> str:
        """Return the same key for the same records, but another for a replay: it is to be looked at anew."""
        named = [*self.ids, self.refusals] if self.refusals else self.ids
        return hashlib.sha256(as_json(named)).hexdigest()

    def only(self, ids: set[str]) -> "Batch":
        """Return the batch without other records."""
        return Batch(tuple(record for record in self.records if record["id"] in ids), self.refusals)

    def shuffled(self, uniform: Callable[[float, float], float]) -> "Batch":
        """Return the batch in an order of chance."""
        return Batch(tuple(sorted(self.records, key=lambda _record: uniform(0, 1))), self.refusals)

    def halves(self) -> tuple["Batch", "Batch"]:
        """Return the first half and the second."""
        middle = len(self.records) // 2
        return Batch(self.records[:middle], self.refusals), Batch(self.records[middle:], self.refusals)


def split(records: Sequence[Record], limits: DeliveryLimits, refusals: int = 0) -> Iterator[Batch]:
    """Yield batches within the limits; the same records always make the same batches.

    A record that is larger than a batch may be makes one by itself.
    """
    batch: list[Record] = []
    size = 0
    for record in records:
        bytes_more = len(as_json(record)) + 1  # and a comma
        if batch and (len(batch) == limits.max_records or size + bytes_more + 1 > limits.max_bytes):
            yield Batch(tuple(batch), refusals)
            batch, size = [], 0
        batch.append(record)
        size += bytes_more
    if batch:
        yield Batch(tuple(batch), refusals)


def as_json(value: object) -> bytes:
    """Return a value as compact JSON in ASCII; raise ValueError for a number that JSON has no words for."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")
