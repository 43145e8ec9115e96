"""Receipts: when a POST first came, for those whose content alone does not tell a repeat.

A receipt is one small object, created before any record is stored. A POST needs one if it has an Idempotency-Key,
which must never come to stand for other content, or if a record has no timestamp, whose hour must not change with the
repeat.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

from extraction.api.identity import Identity, canonical, content_digest, idempotency_id, name_of
from extraction.api.instant import Instant
from extraction.api.refusal import refuse_post
from extraction.api.request import Post
from extraction.api.validation import Record
from utils.delivery_project import DeliveryProject
from utils.errors import ObjectExistsError, ObjectMissingError
from utils.store import ObjectStore

FOLDER = "receipts"


@dataclass(frozen=True)
class Receipt:
    """When a POST first came, and the checksum of what it said."""

    received: datetime
    content: str

    def to_bytes(self) -> bytes:
        """Return the receipt as it is stored."""
        return json.dumps({"received": self.received.isoformat(), "content": self.content}).encode()

    @classmethod
    def from_bytes(cls, body: bytes) -> "Receipt":
        """Return a stored receipt."""
        found = json.loads(body)
        return cls(datetime.fromisoformat(found["received"]), found["content"])


def identify(post: Post, records: list[Record], project: DeliveryProject, store: ObjectStore) -> Identity:
    """Return which POST this is, or raise RefusedError if its Idempotency-Key stood for another."""
    content = content_digest(canonical(record, record.instant, project.timestamp) for record in records)
    mine = Receipt(post.received, content)
    if post.idempotency_key is not None:
        return _by_key(post, mine, project, store)
    if all(record.instant for record in records):
        return Identity(idempotency_id("content", content), Instant.at(post.received))
    return _by_time(post, mine, project.ingest.repeat_seconds, store)


def first_received(post: Post, store: ObjectStore) -> datetime | None:
    """Return when a POST's Idempotency-Key first came, None if it is new or there is no key."""
    if post.idempotency_key is None:
        return None
    receipt = _find(_key_id(post), store)
    return None if receipt is None else receipt.received


def _key_id(post: Post) -> str:
    return idempotency_id("key", post.sender, post.idempotency_key)


def _by_key(post: Post, mine: Receipt, project: DeliveryProject, store: ObjectStore) -> Identity:
    receipt = _take(_key_id(post), mine, store)
    if receipt.content != mine.content:
        raise refuse_post("This Idempotency-Key was used for other records. Take a new one.", HTTPStatus.CONFLICT)
    # Only by age: of two at once, the one that began later may have left the receipt.
    if post.received - receipt.received > timedelta(seconds=project.ingest.max_past_seconds):
        raise refuse_post("This Idempotency-Key was first used too long ago to be repeated. Take a new one.")
    # The content is part of the name, so that a receipt which was cleared away cannot make other records look stored.
    named = idempotency_id("key", post.sender, post.idempotency_key, mine.content)
    return Identity(named, Instant.at(receipt.received), is_keyed=True)


def _by_time(post: Post, mine: Receipt, repeat_seconds: int, store: ObjectStore) -> Identity:
    """Return the POST of the same content that came up to `repeat_seconds` ago, if one did, or a new one."""
    window = int(mine.received.timestamp()) // repeat_seconds
    last, this = (idempotency_id("time", post.sender, mine.content, number) for number in (window - 1, window))
    before = _find(last, store)
    if before and mine.received - before.received <= timedelta(seconds=repeat_seconds):
        return Identity(last, Instant.at(before.received))
    return Identity(this, Instant.at(_take(this, mine, store).received))


def _take(idempotency: str, mine: Receipt, store: ObjectStore) -> Receipt:
    """Leave a receipt, or return the one that is there."""
    try:
        store.create(_key(idempotency), mine.to_bytes())
    except ObjectExistsError:
        return Receipt.from_bytes(store.read(_key(idempotency)))
    return mine


def _find(idempotency: str, store: ObjectStore) -> Receipt | None:
    try:
        return Receipt.from_bytes(store.read(_key(idempotency)))
    except ObjectMissingError:
        return None


def _key(idempotency: str) -> str:
    return f"{FOLDER}/{name_of(idempotency)}.json"
