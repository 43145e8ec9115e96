"""Records as posted against the fields that the project declares: each accepted, or refused with every reason."""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from extraction.api.instant import FORM, Instant, read_instant
from extraction.api.refusal import Reason, RefusedError
from extraction.api.request import Post, RepeatedNames
from utils.delivery_project import DeliveryProject, FieldType, IngestLimits, RecordField, Value

MOST_UNKNOWN = 10  # fields of one record that are told; a body can hold half a million
LONGEST_NAME = 100  # characters of an unknown field's name that its reason repeats
EXACT_FLOAT = 2**53  # from it on a float may not be the whole number that was written
BIGINT = range(-(2**63), 2**63)  # Athena's


@dataclass(frozen=True)
class Record:
    """One accepted record: its fields but for the timestamp, and its instant, if it told one."""

    index: int  # in its POST
    values: Mapping[str, Value]
    instant: Instant | None = None


class _WrongError(ValueError):
    """A value is not what its field says."""


def check_records(post: Post, project: DeliveryProject) -> list[Record]:
    """Return a POST's records, or raise RefusedError with the reasons of all that are wrong."""
    checked = [_check(index, found, project, post.received) for index, found in enumerate(post.records)]
    wrong = [found for found in checked if isinstance(found, list)]
    if wrong:
        message = f"{len(wrong)} of {len(checked)} records are wrong; nothing was stored."
        raise RefusedError(message, [reason for reasons in wrong for reason in reasons])
    return [found for found in checked if isinstance(found, Record)]


def _check(index: int, found: Any, project: DeliveryProject, received: datetime) -> Record | list[Reason]:
    if not isinstance(found, dict):
        return [Reason("must be an object", index)]
    if isinstance(found, RepeatedNames):
        return [Reason("says the same name twice", index)]
    values, reasons = _read_fields(index, found, project)
    reasons += [Reason("is not a field of this record", index, name) for name in _unknown(found, project)]
    instant = values.pop(project.timestamp, None)
    if isinstance(instant, Instant):
        reasons += _out_of_time(index, instant, project, received)
    return reasons or Record(index, values, instant)


def _read_fields(index: int, found: Mapping[str, Any], project: DeliveryProject) -> tuple[dict[str, Any], list[Reason]]:
    values: dict[str, Any] = {}
    reasons = []
    for field in project.fields:
        if field.name not in found:
            reasons += [Reason("is missing", index, field.name)] if field.required else []
            continue
        try:
            values[field.name] = _read(found[field.name], field)
        except _WrongError as wrong:
            reasons.append(Reason(str(wrong), index, field.name))
    return values, reasons


def _read(value: Any, field: RecordField) -> Value | Instant:
    if value is None:
        raise _WrongError("must not be null; leave out what is not known")
    return READERS[field.type](value, field)


def _unknown(found: Mapping[str, Any], project: DeliveryProject) -> Iterator[str]:
    known = {field.name for field in project.fields}
    names = (name[:LONGEST_NAME] for name in found if name not in known)
    return itertools.islice(names, MOST_UNKNOWN)


def _out_of_time(index: int, instant: Instant, project: DeliveryProject, received: datetime) -> list[Reason]:
    reason = out_of_time(instant, project.ingest, received)
    return [Reason(reason, index, project.timestamp)] if reason else []


def out_of_time(instant: Instant, limits: IngestLimits, received: datetime) -> str | None:
    """Return why an instant is too far from the time of receipt, or None."""
    if instant.moment > received + timedelta(seconds=limits.max_future_seconds):
        return f"is more than {limits.max_future_seconds} seconds in the future"
    if instant.moment < received - timedelta(seconds=limits.max_past_seconds):
        return f"is more than {limits.max_past_seconds} seconds in the past"
    return None


def _string(value: Any, field: RecordField) -> str:
    if not isinstance(value, str):
        raise _WrongError("must be a string")
    if field.required and not value:
        raise _WrongError("must not be empty")
    if field.max_length and len(value) > field.max_length:
        raise _WrongError(f"must be of at most {field.max_length} characters")
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise _WrongError("holds what is no character: half a surrogate pair, or a zero")
    return value


def _number(value: Any, field: RecordField) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise _WrongError("must be a number")
    if not math.isfinite(value):
        raise _WrongError("must be a number that a double can hold; NaN and Infinity are none")
    _check_range(value, field)
    return float(value) + 0.0  # which makes -0.0 the 0.0 that it equals


def _integer(value: Any, field: RecordField) -> int:
    if isinstance(value, float) and value.is_integer() and abs(value) < EXACT_FLOAT:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value not in BIGINT:
        raise _WrongError("must be a whole number of 64 bits")
    _check_range(value, field)
    return value


def _check_range(value: float, field: RecordField) -> None:
    if field.minimum is not None and value < field.minimum:
        raise _WrongError(f"must be at least {field.minimum}")
    if field.maximum is not None and value > field.maximum:
        raise _WrongError(f"must be at most {field.maximum}")


def _boolean(value: Any, _field: RecordField) -> bool:
    if not isinstance(value, bool):
        raise _WrongError("must be true or false")
    return value


def _timestamp(value: Any, _field: RecordField) -> Instant:
    if not isinstance(value, str):
        raise _WrongError(f"must be a string: {FORM}")
    try:
        return read_instant(value)
    except ValueError as error:
        raise _WrongError(str(error)) from error


READERS: Mapping[FieldType, Callable[[Any, RecordField], Value | Instant]] = MappingProxyType(
    {
        FieldType.STRING: _string,
        FieldType.INTEGER: _integer,
        FieldType.NUMBER: _number,
        FieldType.BOOLEAN: _boolean,
        FieldType.TIMESTAMP: _timestamp,
    }
)
