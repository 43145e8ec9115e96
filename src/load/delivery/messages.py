"""Messages of the queue: the records that each brings."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from load.delivery.batches import Record, as_json
from utils.delivery_project import MAX_ID_BYTES
from utils.errors import MessageRefusedError


@dataclass(frozen=True)
class Parcel:
    """A message's records, each once; `refusals` counts how often a replayed record was refused before."""

    records: tuple[Record, ...]
    refusals: int = 0

    @property
    def ids(self) -> set[str]:
        """Return the records' ids."""
        return {record["id"] for record in self.records}


@dataclass(frozen=True)
class Message:
    """One message as Lambda hands it on."""

    id: str
    body: str
    sent: float = math.inf  # seconds since 1970; what nobody knows the age of is not old

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "Message":
        """Read a record of Lambda's event."""
        sent = record.get("attributes", {}).get("SentTimestamp")
        return cls(record["messageId"], record["body"], int(sent) / 1000 if sent else math.inf)

    def parcel(self) -> Parcel:
        """Return what the message brings, or raise MessageRefusedError when it is not of the query's form."""
        try:
            body = json.loads(self.body)
            by_id = {_id(record): record for record in body["records"]}
            as_json(list(by_id.values()))
            refusals = _times(body.get("refused", {}))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
            raise MessageRefusedError(
                'The message is not {"records": [...]}, each record an object with its id, a text of at most '
                f"{MAX_ID_BYTES} bytes. Only the query may send to this queue."
            ) from error
        return Parcel(tuple(by_id.values()), refusals)


def _times(refused: Mapping[str, Any]) -> int:
    times = int(refused.get("times", 0))
    if times < 0:  # neither a replay nor a first message; its records must not pass for settled
        raise ValueError(times)
    return times


def _id(record: Record) -> str:
    found = record["id"]
    if not isinstance(found, str) or not 0 < len(found.encode()) <= MAX_ID_BYTES:
        raise ValueError(found)
    return found
