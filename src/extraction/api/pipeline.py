"""The story of one POST: checked whole, told from others, filed by hour, stored once."""

from dataclasses import dataclass, replace
from datetime import timedelta

from extraction.api.filing import RawObject, check_hours, file_records
from extraction.api.ports import Ports
from extraction.api.receipts import first_received, identify
from extraction.api.refusal import RefusedError
from extraction.api.request import Post
from extraction.api.validation import Record, check_records
from utils.errors import ObjectExistsError
from utils.store import ObjectStore
from utils.threads import in_threads

AGEING = timedelta(minutes=10)  # of a record between a POST and its repeat; the query's overlap allows for 15


@dataclass(frozen=True)
class Stored:
    """Where a POST's records are."""

    keys: tuple[str, ...]
    count: int  # records of the POST
    new: int  # of them, those that this POST stored; fewer when it completes or repeats another


def store_post(post: Post, ports: Ports) -> Stored:
    """Store a POST's records, all or, if one of them is wrong, none.

    An object is created if absent, and its name and bytes depend on the POST alone. A crash leaves some of the objects,
    or a receipt and no object; the same POST sent again creates those that are missing and nothing else.
    """
    records = _check_records(post, ports)
    check_hours(records)
    identity = identify(post, records, ports.project, ports.raw)
    objects = file_records(records, identity, ports.project.timestamp)
    created = in_threads(lambda raw: _create(raw, ports.raw), objects)
    return _stored(objects, created, len(records))


def _check_records(post: Post, ports: Ports) -> list[Record]:
    """Return a POST's records; in a repeat they are as old as when it first came, or it could not be completed."""
    try:
        return check_records(post, ports.project)
    except RefusedError:
        first = first_received(post, ports.raw)
        if first is None or post.received - first > AGEING:
            raise
        return check_records(replace(post, received=first), ports.project)


def _stored(objects: list[RawObject], created: list[bool], count: int) -> Stored:
    new = sum(len(raw.lines) for raw, is_new in zip(objects, created, strict=True) if is_new)
    return Stored(tuple(raw.key for raw in objects), count, new)


def _create(raw: RawObject, store: ObjectStore) -> bool:
    try:
        store.create(raw.key, raw.body)
    except ObjectExistsError:
        return False
    return True
