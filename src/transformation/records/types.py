"""Which texts PostgreSQL takes for a column's type.

A text that fails here PostgreSQL would refuse too; one that passes it may still refuse, and then load sets it aside.
So these checks save the database from the bulk of bad values, and need not know its every spelling.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum

Comparable = int | float | Decimal | datetime


class Family(StrEnum):
    """Types whose texts are judged alike."""

    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    MOMENT = "moment"  # a date or a timestamp
    UUID = "uuid"
    JSON = "json"
    TEXT = "text"
    OTHER = "other"  # left to PostgreSQL


FAMILIES: Mapping[str, Family] = {
    **dict.fromkeys(("smallint", "int2", "integer", "int", "int4", "bigint", "int8"), Family.INTEGER),
    **dict.fromkeys(("numeric", "decimal", "real", "float4", "float8", "float", "double precision"), Family.NUMBER),
    **dict.fromkeys(("boolean", "bool"), Family.BOOLEAN),
    **dict.fromkeys(("date", "timestamp", "timestamptz"), Family.MOMENT),
    **dict.fromkeys(("timestamp with time zone", "timestamp without time zone"), Family.MOMENT),
    **dict.fromkeys(("text", "varchar", "character varying", "char", "character", "bpchar"), Family.TEXT),
    "uuid": Family.UUID,
    "json": Family.JSON,
    "jsonb": Family.JSON,
}
INTEGER_BITS: Mapping[str, int] = {"smallint": 16, "int2": 16, "bigint": 64, "int8": 64}  # all others have 32
DECLARED = re.compile(r"([a-z_0-9 ]+?)\s*(?:\(\s*(\d+)\s*(?:,\s*(-?\d+)\s*)?\))?((?: [a-z ]+)?)")
ISO_DATE = re.compile(r"\s*(\d{4})-(\d\d)-(\d\d)")
MOMENTS_BY_NAME = frozenset(("infinity", "-infinity", "+infinity", "epoch", "now", "today", "tomorrow", "yesterday"))
TRUTHS = frozenset(("0", "1", "n", "no", "of", "off", "on")) | frozenset(
    word[:length] for word in ("true", "false", "yes") for length in range(1, len(word) + 1)
)
UUID = re.compile(r"\{?([0-9a-f]{4}-?){8}\}?", re.IGNORECASE)
UUID_LENGTH = 36


@dataclass(frozen=True)
class ColumnType:
    """A column's type, as far as its texts are judged."""

    family: Family
    limit: Comparable | None = None  # of an integer or numeric: what a value stays below, whatever its sign
    length: int | None = None  # of characters


def read_type(declared: str) -> ColumnType:
    """Return what a type in DDL allows."""
    found = DECLARED.fullmatch(declared.lower())
    if not found:
        return ColumnType(Family.OTHER)
    base, first, second, more = found.groups()
    name = base + more
    family = FAMILIES.get(name, Family.OTHER)
    if family is Family.INTEGER:
        return ColumnType(family, limit=2 ** (INTEGER_BITS.get(name, 32) - 1))
    if name in {"numeric", "decimal"} and first:
        return ColumnType(family, limit=Decimal(10) ** (int(first) - int(second or 0)))
    if family is Family.TEXT and (first or name in {"char", "character"}):
        return ColumnType(family, length=int(first or 1))
    return ColumnType(family)


def to_integer(text: str) -> int:
    """Return a whole number, decimal or 0x, 0o, 0b, or raise ValueError."""
    try:
        return int(text)
    except ValueError:
        return int(text, 0)


def to_number(text: str) -> Decimal:
    """Return a number exactly, or raise ValueError."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return Decimal(int(text, 0))
    if number.is_snan():  # Python's alone, and an error in every comparison
        raise ValueError(text)
    return number


def to_moment(text: str) -> datetime:
    """Return a moment, taken as UTC where it names no zone, or raise ValueError."""
    moment = datetime.fromisoformat(text.strip())
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _is_integer(text: str) -> bool:
    try:
        to_integer(text)
    except ValueError:
        return False
    return True


def _is_number(text: str) -> bool:
    try:
        to_number(text)
    except ValueError:
        return False
    return True


def _is_truth(text: str) -> bool:
    return text.strip().lower() in TRUTHS


def _is_moment(text: str) -> bool:
    """Tell what can be no moment: an ISO date that the calendar lacks, and texts without a digit."""
    if found := ISO_DATE.match(text):
        try:
            date(*map(int, found.groups()))
        except ValueError:
            return False
        return True
    return any(map(str.isdigit, text)) or text.strip().lower() in MOMENTS_BY_NAME


def _is_uuid(text: str) -> bool:
    return UUID.fullmatch(text) is not None


def _is_json(text: str) -> bool:
    try:
        json.loads(text, parse_int=str)  # str: Python refuses numbers of thousands of digits
    except ValueError:
        return False
    except RecursionError:
        pass  # deeper than Python goes, which is not as deep as PostgreSQL does
    return True


def _any_text(_text: str) -> bool:
    return True


IS_OF: Mapping[Family, Callable[[str], bool]] = {
    Family.INTEGER: _is_integer,
    Family.NUMBER: _is_number,
    Family.BOOLEAN: _is_truth,
    Family.MOMENT: _is_moment,
    Family.UUID: _is_uuid,
    Family.JSON: _is_json,
    Family.TEXT: _any_text,
    Family.OTHER: _any_text,
}


def are_uuids(texts: Sequence[str]) -> bool:
    """Tell in one step whether all are UUIDs of the usual length; where the hyphens are PostgreSQL checks."""
    try:
        digits = bytes.fromhex("".join(texts).replace("-", ""))
    except ValueError:
        return False
    return len(digits) == 16 * len(texts) and set(map(len, texts)) <= {UUID_LENGTH}
