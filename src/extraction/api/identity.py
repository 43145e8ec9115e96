"""What makes a repeated POST the same one: its Idempotency-Key, or its content.

Content is canonical JSON: the fields in order of name, numbers as they are stored, the timestamp in UTC. So a repeat is
known however it is spaced, and whatever zone its timestamps are told in.
"""

import hashlib
import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from extraction.api.instant import Instant
from extraction.api.validation import Record
from utils.delivery_project import Value

NAMESPACE = uuid.UUID("6b0a2f0e-5c0b-5d6e-9a57-0d2f8f7f3c11")  # never to change: names of stored objects come from it

Canonical = dict[str, Value | None]


@dataclass(frozen=True)
class Identity:
    """One POST, told from every other."""

    post: str  # the idempotency id; what two POSTs share is one POST repeated
    received: Instant  # of the first of them: the timestamp of records that tell none
    is_keyed: bool = False


def canonical(record: Record, instant: Instant | None, timestamp: str) -> Canonical:
    """Return a record's fields as they are stored."""
    return {**record.values, timestamp: None if instant is None else str(instant)}


def content_digest(records: Iterable[Canonical]) -> str:
    """Return the checksum of what records say."""
    return hashlib.sha256(json.dumps([*records], sort_keys=True).encode()).hexdigest()


def idempotency_id(*parts: object) -> str:
    """Return parts as one text that no other parts give."""
    return json.dumps(parts)


def name_of(idempotency: str) -> str:
    """Return the UUID that an idempotency id always gives."""
    return str(uuid.uuid5(NAMESPACE, idempotency))


def record_id(record: Record, content: str, identity: Identity) -> str:
    """Return a record's id, by which it is delivered once.

    Under an Idempotency-Key, and without a timestamp, equal records of a POST are several: their place in it tells them
    apart. Otherwise equal records are one, wherever and however often they are posted.
    """
    if identity.is_keyed or record.instant is None:
        return name_of(idempotency_id("place", identity.post, record.index, content))
    return name_of(idempotency_id("content", content))
