"""The registry as a DynamoDB table: key `series`, sort key `item`, TTL attribute `expires_at`."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from typing import Any

import boto3
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.config import Config
from botocore.exceptions import ClientError

from utils.aws_errors import Fault, named_errors
from utils.errors import AccessDeniedError, ConfigurationError, ExportRefusedError, RegistryUnavailableError
from utils.registry.records import Entry, Head

HEAD = "head"
VERSION = "version#"  # before a version's name: no version can be taken for the head
CONDITION = "ConditionalCheckFailed"
CONTENDED = {"TransactionConflict"}  # two writes met; one of them may have won
TOO_LARGE = "ValidationException"


def _named_errors(table: str) -> contextlib.AbstractContextManager[None]:
    return named_errors(f"The registry {table}", RegistryUnavailableError, lambda fault: _named(fault, table))


def _named(fault: Fault, table: str) -> Exception:
    if fault.code == "ResourceNotFoundException":
        return ConfigurationError(f"There is no DynamoDB table {table}. Create it, or correct REGISTRY.")
    if fault.is_denied:
        return AccessDeniedError(f"DynamoDB refused {table}: {fault.message}. Grant this role access to it.")
    if fault.code == TOO_LARGE:
        return ExportRefusedError(f"DynamoDB cannot hold that in {table}: {fault.message}. Shorten the version's name.")
    return RegistryUnavailableError(f"The registry {table} did not answer: {fault.code}: {fault.message}")


@dataclass(frozen=True)
class DynamoRegistry:
    """Heads and entries as items of one table."""

    table: str
    client: Any = field(default=None, repr=False)

    @cached_property
    def _dynamodb(self) -> Any:
        config = Config(retries={"mode": "standard", "max_attempts": 5}, connect_timeout=5, read_timeout=10)
        return self.client or boto3.client("dynamodb", config=config)

    def head(self, series: str) -> Head:
        """Return the head as last written, or a new one."""
        record = self._get(series, HEAD)
        return Head.from_record(record) if record else Head(series)

    def entry(self, series: str, version: str) -> Entry | None:
        """Return the entry as last written."""
        record = self._get(series, VERSION + version)
        return _entry(record) if record else None

    def _get(self, series: str, item: str) -> dict[str, Any] | None:
        with _named_errors(self.table):
            key = _item({"series": series, "item": item})
            found = self._dynamodb.get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item")
        return _record(found) if found else None

    def write(self, head: Head, entries: Iterable[Entry]) -> bool:
        """Write a head and entries of its series, unless another write came first since `head.revision` was read."""
        puts = [self._put_head(head), *map(self._put_entry, entries)]
        try:
            with _named_errors(self.table), _contended():
                self._dynamodb.transact_write_items(TransactItems=puts)
        except _OvertakenError:
            return False
        return True

    def _put_head(self, head: Head) -> dict[str, Any]:
        written = replace(head, revision=head.revision + 1)
        put = {"TableName": self.table, "Item": _item({**written.to_record(), "item": HEAD})}
        if head.revision == 0:
            return {"Put": {**put, "ConditionExpression": "attribute_not_exists(revision)"}}
        condition = {
            "ConditionExpression": "revision = :read",
            "ExpressionAttributeValues": _item({":read": head.revision}),
        }
        return {"Put": {**put, **condition}}

    def _put_entry(self, entry: Entry) -> dict[str, Any]:
        record = {**entry.to_record(), "series": entry.series, "item": VERSION + entry.version}
        return {"Put": {"TableName": self.table, "Item": _item(record)}}

    def heads(self) -> Iterator[Head]:
        """Yield every head, in order of series."""
        words = {"FilterExpression": "#item = :head", "ExpressionAttributeNames": {"#item": "item"}}
        found = self._pages("scan", words | {"ExpressionAttributeValues": _item({":head": HEAD})})
        yield from sorted(map(Head.from_record, found), key=lambda head: head.series)

    def entries(self, series: str) -> Iterator[Entry]:
        """Yield the entries of one series, in order of version as text."""
        words = {
            "KeyConditionExpression": "series = :series AND begins_with(#item, :version)",
            "ExpressionAttributeNames": {"#item": "item"},
            "ExpressionAttributeValues": _item({":series": series, ":version": VERSION}),
        }
        yield from map(_entry, self._pages("query", words))

    def _pages(self, operation: str, words: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        with _named_errors(self.table):
            pages = self._dynamodb.get_paginator(operation).paginate(TableName=self.table, ConsistentRead=True, **words)
            for page in pages:
                yield from map(_record, page["Items"])


class _OvertakenError(Exception):
    """Another write came first."""


@contextlib.contextmanager
def _contended() -> Iterator[None]:
    """Tell a write that came second from one that failed."""
    try:
        yield
    except ClientError as error:
        reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", ())}
        if reasons & {CONDITION, *CONTENDED}:
            raise _OvertakenError from error
        raise


def _item(record: Mapping[str, Any]) -> dict[str, Any]:
    serialize = TypeSerializer().serialize
    return {name: serialize(value) for name, value in record.items()}


def _record(item: Mapping[str, Any]) -> dict[str, Any]:
    deserialize = TypeDeserializer().deserialize
    found = {name: _plain(deserialize(value)) for name, value in item.items()}
    del found["item"]
    return found


def _entry(record: dict[str, Any]) -> Entry:
    return Entry.from_record({name: value for name, value in record.items() if name != "series"})


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return int(value) if isinstance(value, Decimal) else value
