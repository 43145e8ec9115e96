"""What a project says of records that come by POST and leave to an endpoint: `delivery.toml`."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

from utils.errors import ConfigurationError
from utils.toml_settings import (
    read_flag,
    read_name,
    read_positive,
    read_table,
    read_toml,
    read_whole_number,
    refuse_unknown,
)

FILE = "delivery.toml"
SETTINGS = {"fields", "ingest", "query", "delivery"}
FIELD_SETTINGS = {"type", "required", "minimum", "maximum", "max_length"}
INGEST_SETTINGS = {"max_records", "max_bytes", "max_future_seconds", "max_past_seconds", "repeat_seconds"}
QUERY_SETTINGS = {"file", "overlap_seconds", "parameters"}
DELIVERY_SETTINGS = {"max_records", "max_bytes"}

MAX_LENGTH = 256  # characters of a text, unless its field says otherwise
MAX_BODY_BYTES = 5 << 20  # Lambda takes 6 MiB with the body quoted inside JSON; API Gateway would take 10 MB
MAX_TIME_SECONDS = 10 * 366 * 86_400  # ten years; what is older is history to load, not records to deliver
ACCEPT_SECONDS = 900  # the longest life of a function: between a record's acceptance and its object
DAY_SECONDS = 86_400
MAX_ID_BYTES = 1024  # of a record; DynamoDB's keys hold twice that
# The ledger remembers a record for longer than SQS keeps a message, 14 days at most: none outlives what it knows.
KEEP_DAYS = 30
# No query may read what the ledger has forgotten: a record that was delivered and never noted would go out again.
# Two days less, because a window is counted from the mark, which is behind while the query fails.
MAX_OVERLAP_SECONDS = (KEEP_DAYS - 2) * DAY_SECONDS
# Glue keeps column names in lower case, and the partitions' are columns too.
FIELD_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
RESERVED_FIELDS = {"id", "objectkey", "year", "month", "day", "hour"}

Value = str | int | float | bool


class FieldType(StrEnum):
    """What a field's value is in JSON; a timestamp is a string in ISO 8601."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    TIMESTAMP = "timestamp"


@dataclass(frozen=True)
class RecordField:
    """One field of a record."""

    name: str
    type: FieldType
    required: bool = False
    minimum: float | None = None  # both ends are allowed
    maximum: float | None = None
    max_length: int | None = None  # characters, of a string


@dataclass(frozen=True)
class IngestLimits:
    """What one POST may bring."""

    max_records: int = 10_000
    max_bytes: int = 4 << 20
    max_future_seconds: int = 300  # how far a sender's clock may be ahead
    max_past_seconds: int = 86_400  # how long a sender may keep a record; the query's overlap must reach further
    repeat_seconds: int = 60  # a POST without timestamp and Idempotency-Key that comes again so soon is a repeat


@dataclass(frozen=True)
class QuerySettings:
    """What is selected from the raw records."""

    file: Path
    overlap_seconds: int
    parameters: Mapping[str, Value] = field(default_factory=dict)  # bound by name; a run may give other values


@dataclass(frozen=True)
class DeliveryLimits:
    """How much one POST to the endpoint holds."""

    max_records: int = 500
    max_bytes: int = 1 << 20


@dataclass(frozen=True)
class DeliveryProject:
    """What a project says of its records."""

    fields: tuple[RecordField, ...]
    query: QuerySettings
    ingest: IngestLimits = IngestLimits()
    delivery: DeliveryLimits = DeliveryLimits()

    @property
    def timestamp(self) -> str:
        """The name of the field that says when."""
        return next(each.name for each in self.fields if each.type is FieldType.TIMESTAMP)


def holds_delivery(folder: Path) -> bool:
    """Tell whether a project declares records."""
    return (folder / FILE).exists()


def read_delivery(folder: Path) -> DeliveryProject:
    """Return what a project says of its records, or raise an error that names the file and the setting."""
    path = folder / FILE
    if not path.exists():
        raise ConfigurationError(f"{path} does not exist. docs/delivery.md shows what it says.")
    record, where = read_toml(path), str(path)
    refuse_unknown(record, SETTINGS, where)
    project = DeliveryProject(
        fields=_read_fields(read_table(record, "fields", where), where),
        ingest=_read_ingest(read_table(record, "ingest", where), f"{where}: [ingest]"),
        query=_read_query(read_table(record, "query", where), folder, f"{where}: [query]"),
        delivery=_read_limits(read_table(record, "delivery", where), f"{where}: [delivery]"),
    )
    _check_repeat(project, where)
    _check_overlap(project, where)
    return project


def _read_fields(declared: Mapping[str, Any], where: str) -> tuple[RecordField, ...]:
    fields = tuple(_read_field(name, value, f"{where}: [fields] {name}") for name, value in declared.items())
    if sum(each.type is FieldType.TIMESTAMP for each in fields) != 1:
        raise ConfigurationError(f'{where}: exactly one of [fields] must be of type "timestamp": it says when.')
    by_column: dict[str, str] = {}
    for each in fields:
        if other := by_column.get(each.name.lower()):
            raise ConfigurationError(f"{where}: [fields] {other} and {each.name} are one column to Athena. Rename one.")
        by_column[each.name.lower()] = each.name
    return fields


def _read_field(name: str, value: Any, where: str) -> RecordField:
    if not FIELD_NAME.fullmatch(name) or name.lower() in RESERVED_FIELDS:
        reserved = ", ".join(sorted(RESERVED_FIELDS))
        raise ConfigurationError(f"{where}: a field's name is letters, digits and underscores, and none of {reserved}.")
    if not isinstance(value, dict):
        raise ConfigurationError(f'{where} must say its type, such as {{ type = "number" }}.')
    refuse_unknown(value, FIELD_SETTINGS, where)
    kind = _field_type(value, where)
    _refuse_unfit(value, kind, where)
    bounds = _bound(value, "minimum", where), _bound(value, "maximum", where)
    if None not in bounds and bounds[0] > bounds[1]:  # type: ignore[operator]
        raise ConfigurationError(f"{where}: minimum is above maximum, so no value would pass.")
    longest = read_positive(value, "max_length", MAX_LENGTH, where) if kind is FieldType.STRING else None
    return RecordField(name, kind, read_flag(value, "required", where), *bounds, longest)


def _field_type(value: Mapping[str, Any], where: str) -> FieldType:
    found = value.get("type")
    if not isinstance(found, str) or found not in set(FieldType):
        raise ConfigurationError(f"{where}: type is {found!r}; it must be one of {', '.join(FieldType)}.")
    return FieldType(found)


def _refuse_unfit(value: Mapping[str, Any], kind: FieldType, where: str) -> None:
    is_number = kind in {FieldType.INTEGER, FieldType.NUMBER}
    fit = {"minimum": is_number, "maximum": is_number, "max_length": kind is FieldType.STRING}
    for setting, does_fit in fit.items():
        if setting in value and not does_fit:
            raise ConfigurationError(f"{where}: {setting} means nothing for a {kind}. Remove it.")


def _bound(value: Mapping[str, Any], name: str, where: str) -> float | None:
    found = value.get(name)
    if found is not None and not _is_finite(found):
        raise ConfigurationError(f"{where}: {name} must be a number.")
    return found


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _read_ingest(settings: Mapping[str, Any], where: str) -> IngestLimits:
    refuse_unknown(settings, INGEST_SETTINGS, where)
    default = IngestLimits()
    positive = INGEST_SETTINGS - {"max_future_seconds"}
    ahead = read_whole_number(settings, "max_future_seconds", default.max_future_seconds, where, least=0)
    found = {name: read_positive(settings, name, getattr(default, name), where) for name in sorted(positive)}
    limits = IngestLimits(max_future_seconds=ahead, **found)
    most = {"max_bytes": MAX_BODY_BYTES, "max_past_seconds": MAX_OVERLAP_SECONDS - ACCEPT_SECONDS}
    most |= dict.fromkeys(("max_future_seconds", "repeat_seconds"), MAX_TIME_SECONDS)
    for name, value in most.items():
        if getattr(limits, name) > value:
            raise ConfigurationError(f"{where}: {name} must be at most {value}.")
    return limits


def _check_repeat(project: DeliveryProject, where: str) -> None:
    """Refuse a repeat by which a record would get a time of receipt that the query no longer reaches."""
    limits = project.ingest
    if limits.repeat_seconds > limits.max_past_seconds:
        raise ConfigurationError(
            f"{where}: [ingest] repeat_seconds must be at most max_past_seconds, which is {limits.max_past_seconds}: "
            "a repeat gets the time of the first POST."
        )


def _read_query(settings: Mapping[str, Any], folder: Path, where: str) -> QuerySettings:
    refuse_unknown(settings, QUERY_SETTINGS, where)
    file = folder / str(read_name(settings, "file", "query.sql", where))
    if not file.is_file():
        raise ConfigurationError(f"{where}: file names {file}, which does not exist. Write the query there.")
    parameters = read_table(settings, "parameters", where)
    for name, value in parameters.items():
        if not isinstance(value, str | bool) and not _is_finite(value):
            raise ConfigurationError(f"{where}: the parameter {name} must be a text, a number, true or false.")
    overlap = read_positive(settings, "overlap_seconds", 2 * IngestLimits.max_past_seconds, where)
    return QuerySettings(file, overlap, MappingProxyType(dict(parameters)))


def _read_limits(settings: Mapping[str, Any], where: str) -> DeliveryLimits:
    refuse_unknown(settings, DELIVERY_SETTINGS, where)
    default = DeliveryLimits()
    return DeliveryLimits(
        max_records=read_positive(settings, "max_records", default.max_records, where),
        max_bytes=read_positive(settings, "max_bytes", default.max_bytes, where),
    )


def _check_overlap(project: DeliveryProject, where: str) -> None:
    """Refuse an overlap that misses records which were accepted late, or finds some that the ledger has forgotten."""
    least = project.ingest.max_past_seconds + ACCEPT_SECONDS
    if project.query.overlap_seconds < least:
        raise ConfigurationError(
            f"{where}: [query] overlap_seconds must be at least {least}, which is [ingest] max_past_seconds and "
            f"{ACCEPT_SECONDS} more; records that come as late as they may would never be selected."
        )
    if project.query.overlap_seconds > MAX_OVERLAP_SECONDS:
        raise ConfigurationError(
            f"{where}: [query] overlap_seconds must be at most {MAX_OVERLAP_SECONDS}, as the ledger forgets after "
            f"{KEEP_DAYS} days what was delivered, and it would go out again. A run with a range reads older records."
        )
