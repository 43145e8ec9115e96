"""Messages of the delivery queue: as many records in each as fit."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from transformation.query.rows import Record
from utils.delivery_project import MAX_ID_BYTES
from utils.errors import IntegrityError

MESSAGE_BYTES = 248 << 10  # of SQS's 256 KiB; delivery puts a record aside with the answer beside it
FRAME = '{"records":[%s]}'
FOLDER = re.compile(r"raw/(year=[0-9]{4}/month=[0-9]{2}/day=[0-9]{2}/hour=[0-9]{2})/[^/]+")


T = TypeVar("T")


@dataclass(frozen=True)
class Parcel:
    """A record ready to be sent: its id, the partition of its object, and its JSON in ASCII."""

    id: str
    partition: str
    text: str


@dataclass(frozen=True)
class Message:
    """One message and what it brings."""

    parcels: tuple[Parcel, ...]

    @property
    def body(self) -> str:
        """Return the message's text."""
        return FRAME % ",".join(parcel.text for parcel in self.parcels)


class UnsendableError(ValueError):
    """A row that cannot travel in a message; the text says why."""


def as_parcel(record: Record) -> Parcel:
    """Return a row as a record that can be sent, or raise UnsendableError."""
    name, key = record.get("id"), record.get("objectKey")
    if not isinstance(name, str) or not 0 < len(name.encode()) <= MAX_ID_BYTES:
        raise UnsendableError(f"its id is no text of 1 to {MAX_ID_BYTES} bytes")
    place = FOLDER.fullmatch(key) if isinstance(key, str) else None
    if place is None:
        raise UnsendableError("its objectKey is not that of an object below raw/")
    try:
        text = json.dumps(record, separators=(",", ":"), allow_nan=False)
    except ValueError as error:
        raise UnsendableError("it holds a number that JSON has no words for") from error
    if len(FRAME % text) > MESSAGE_BYTES:
        raise UnsendableError(f"it is larger than a message, which holds {MESSAGE_BYTES} bytes")
    return Parcel(name, place[1], text)


def hour_of(key: str) -> datetime:
    """Return the beginning of the hour whose partition an object is in."""
    if FOLDER.fullmatch(key) is None:
        raise IntegrityError(f"{key} is not where ingest puts records. Move it out of raw/.", key=key)
    year, month, day, hour = (int(part.partition("=")[2]) for part in key.split("/")[1:5])
    return datetime(year, month, day, hour, tzinfo=UTC)


def pack(parcels: Iterable[Parcel], limit: int = MESSAGE_BYTES) -> Iterator[Message]:
    """Yield messages as full as they may be."""
    room = limit - len(FRAME % "") + 1  # the last record has no comma behind it
    return (Message(tuple(group)) for group in grouped(parcels, lambda each: len(each.text) + 1, room, limit))


def grouped(items: Iterable[T], size_of: Callable[[T], int], most_size: int, most: int) -> Iterator[list[T]]:
    """Yield items in groups within a size and a number; an item that is larger makes one by itself."""
    group: list[T] = []
    size = 0
    for item in items:
        more = size_of(item)
        if group and (size + more > most_size or len(group) == most):
            yield group
            group, size = [], 0
        group.append(item)
        size += more
    if group:
        yield group
