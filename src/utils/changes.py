"""One change of one row, as it goes through the stream."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from utils.errors import IntegrityError
from utils.store import ObjectStore

Values = Mapping[str, str | None]
"""A row's values by column as text, as PostgreSQL reads them; None is NULL."""


class Operation(StrEnum):
    """What happened to a row between two exports."""

    INSERT = "INSERT"
    UPDATE = "UPDATE"
    DELETE = "DELETE"


@dataclass(frozen=True)
class Change:
    """A row's change; the same export always gives the same changes with the same sequences."""

    op: Operation
    tenant: str
    table: str
    key: Values
    before: Values | None  # of UPDATE and DELETE
    after: Values | None  # of INSERT and UPDATE
    version: str  # the export that shows it
    order: int  # of the version within its series, from 1; grows with every version that succeeded or is tried
    sequence: int  # within the version, from 1, in order of key

    @property
    def idempotency_key(self) -> str:
        """The same for every copy of this change, and for no other; a replayed version has another order."""
        return f"{self.tenant}/{self.table}/{self.version}/{self.order}/{self.sequence}"

    @property
    def partition_key(self) -> str:
        """The same for every change of this row, so that they stay in order in one shard."""
        return partition_key(self.tenant, self.table, self.key)


def partition_key(tenant: str, table: str, key: Values) -> str:
    """Return what spreads rows over shards and keeps each row in one; a key's own text may exceed the limit of 256."""
    text = json.dumps([tenant, table, *(key[name] for name in sorted(key))], ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def to_json(change: Change) -> str:
    """Return the change as one line of JSON, as the stream carries it."""
    record = {
        "op": change.op.value,
        "tenant": change.tenant,
        "table": change.table,
        "version": change.version,
        "order": change.order,
        "sequence": change.sequence,
        "idempotency_key": change.idempotency_key,
        "key": dict(change.key),
        "before": None if change.before is None else dict(change.before),
        "after": None if change.after is None else dict(change.after),
    }
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


def from_json(text: str | bytes) -> Change:
    """Read a change, or raise IntegrityError that says what is wrong with it."""
    try:
        return _change(json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise IntegrityError(
            f"A record is no change: {type(error).__name__}: {error}. Only Starlift may write to this stream."
        ) from error


def _change(record: dict[str, Any]) -> Change:
    return Change(
        op=Operation(record["op"]),
        tenant=record["tenant"],
        table=record["table"],
        key=_values(record["key"]),
        before=None if record["before"] is None else _values(record["before"]),
        after=None if record["after"] is None else _values(record["after"]),
        version=record["version"],
        order=int(record["order"]),
        sequence=int(record["sequence"]),
    )


def _values(found: dict[str, Any]) -> Values:
    wrong = [name for name, value in found.items() if not isinstance(value, str | None)]
    if wrong:
        raise TypeError(f"column {wrong[0]} is neither a text nor null")
    return found


@dataclass(frozen=True)
class Reference:
    """Stands in the stream for a change that is too large for it: where the change's line is."""

    key: str  # of an object in the store that holds the table's changes
    sha256: str
    bytes: int

    def to_json(self, change_id: str) -> str:
        """Return the record that the stream carries in the change's place."""
        place = {"key": self.key, "sha256": self.sha256, "bytes": self.bytes}
        return json.dumps({"reference": place, "idempotency_key": change_id}, ensure_ascii=False)


def read_record(data: bytes, store: ObjectStore) -> Change:
    """Read a record of the stream: the change itself, or the one in the store that it refers to."""
    reference = _reference(data)
    if reference is None:
        return from_json(data)
    body = store.read(reference.key)
    if hashlib.sha256(body).hexdigest() != reference.sha256:
        raise IntegrityError(
            f"{store.url}/{reference.key} is not the change that the stream refers to: its sha256 differs. "
            "Restore that object's first version.",
            key=reference.key,
        )
    return from_json(body)


def _reference(data: bytes) -> Reference | None:
    if not data.startswith(b'{"reference"'):
        return None
    try:
        return Reference(**json.loads(data)["reference"])
    except (ValueError, TypeError) as error:
        raise IntegrityError(
            f"A record refers to no object: {error}. Only Starlift may write to this stream."
        ) from error
