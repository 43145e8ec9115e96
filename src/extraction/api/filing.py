"""Which object holds which records: one for each hour that a POST's records fall in."""

import json
from dataclasses import dataclass
from datetime import datetime

from extraction.api.identity import Identity, canonical, content_digest, name_of, record_id
from extraction.api.refusal import refuse_post
from extraction.api.validation import Record

FOLDER = "raw"
MAX_HOURS = 1_000  # of one POST; as many objects are written in a second or two, well within API Gateway's 29

Lines = dict[str, str]  # by record id, which none has twice


@dataclass(frozen=True)
class RawObject:
    """One object of newline-delimited JSON."""

    key: str
    lines: tuple[str, ...]

    @property
    def body(self) -> bytes:
        """The object's bytes; they depend on nothing but the POST, so that a repeat would write the same."""
        return "".join(f"{line}\n" for line in self.lines).encode()


def check_hours(records: list[Record]) -> None:
    """Raise RefusedError if a POST's records need more objects than can be written while the sender waits."""
    hours = {record.instant.second.replace(minute=0, second=0) for record in records if record.instant}
    if len(hours) > MAX_HOURS:
        raise refuse_post(f"The records fall into more than {MAX_HOURS} hours. Send them in several POSTs.")


def file_records(records: list[Record], identity: Identity, timestamp: str) -> list[RawObject]:
    """Return a POST's objects, each record under the hour of its own timestamp in UTC."""
    by_key: dict[str, Lines] = {}
    for record in records:
        key, name, line = _stored(record, identity, timestamp)
        by_key.setdefault(key, {})[name] = line
    return [RawObject(key, tuple(lines.values())) for key, lines in by_key.items()]


def _stored(record: Record, identity: Identity, timestamp: str) -> tuple[str, str, str]:
    instant = record.instant or identity.received
    fields = canonical(record, instant, timestamp)
    key = object_key(instant.second, identity)
    name = record_id(record, content_digest([fields]), identity)
    return key, name, json.dumps({**fields, "id": name, "objectKey": key})


def object_key(moment: datetime, identity: Identity) -> str:
    """Return where a POST's records of one hour are, in the partitions that Athena projects."""
    hour = f"year={moment:%Y}/month={moment:%m}/day={moment:%d}/hour={moment:%H}"
    return f"{FOLDER}/{hour}/{name_of(identity.post)}.json"
