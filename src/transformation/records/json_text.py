"""JSON values read and written so that every number keeps its spelling."""

import json
from typing import Any

Value = Any  # what JSON has: dict, list, str, Number, bool, None


class Number(str):
    """A number as the file spells it: as a float it would lose digits, and 1.10 its zero."""

    __slots__ = ()


DECODER = json.JSONDecoder(parse_float=Number, parse_int=Number, parse_constant=Number)


def to_text(value: Value) -> str | None:
    """Return a value as PostgreSQL reads it in a column of any type but json."""
    return value if value is None or isinstance(value, str) else to_json(value)


def to_json(value: Value) -> str | None:
    """Return a value as JSON; JSON's null is NULL, not a null inside a value."""
    return None if value is None else _written(value)


def _written(value: Value) -> str:
    match value:
        case Number():
            return value
        case str():
            return json.dumps(value, ensure_ascii=False)
        case dict():
            members = (f"{json.dumps(name, ensure_ascii=False)}: {_written(one)}" for name, one in value.items())
            return f"{{{', '.join(members)}}}"
        case list():
            return f"[{', '.join(map(_written, value))}]"
        case _:
            return json.dumps(value)
