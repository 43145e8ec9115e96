"""What PostgreSQL's types allow: which may widen into which, and how two values are compared."""

import re

from utils.postgres.names import identifier

INTEGERS = {"smallint": 5, "integer": 10, "bigint": 19}  # with the digits that each may need
TEXTS = {"text", "character varying", "character"}
FLOATS = ["real", "double precision"]
PRECISE = {"timestamp without time zone", "timestamp with time zone", "time without time zone", "time with time zone"}
# These have no `=`, or one that calls values equal which are as far apart as boxes of one area, 1 month and 30 days.
COMPARED_AS_TEXT = {"json", "xml", "interval", "point", "line", "lseg", "box", "path", "polygon", "circle", "jsonpath"}
COMPARED_AS_TEXT |= {"pg_snapshot", "txid_snapshot", "refcursor"}
# The `=` of these overlooks what their texts show: 1.0 and 1.00, 0 and -0, a query's weights.
SHOWN_BY_TEXT = COMPARED_AS_TEXT | {"jsonb", "numrange", "nummultirange", "real", "double precision", "tsquery"}

_PARTS = re.compile(r"^([^(\[]+?)\s*(?:\((-?\d+)(?:,\s*(-?\d+))?\))?([^(\[]*)((?:\[\])*)$")


def _split(spelled: str) -> tuple[str, tuple[int, ...]]:
    """Return a type's name without its modifiers, and the modifiers."""
    match = _PARTS.match(spelled)
    if match is None:
        return spelled, ()
    name, first, second, rest, array = match.groups()
    return f"{name}{rest}{array}", tuple(int(number) for number in (first, second) if number is not None)


def widens(old: str, new: str) -> bool:
    """Tell whether every value of the old type is the same value in the new one."""
    (old_name, old_size), (new_name, new_size) = _split(old), _split(new)
    if old_name in INTEGERS and new_name in INTEGERS:
        return INTEGERS[old_name] <= INTEGERS[new_name]
    if new_name == "numeric":
        return _fits_numeric(old_name, old_size, new_size)
    if old_name in TEXTS and new_name in TEXTS:
        return _fits_text(old_name, old_size, new_name, new_size)
    if old_name in FLOATS and new_name in FLOATS:
        return FLOATS.index(old_name) <= FLOATS.index(new_name)
    if old_name == new_name and old_name in PRECISE:
        return not new_size or (bool(old_size) and old_size <= new_size)
    return old == new


def _fits_numeric(old_name: str, old_size: tuple[int, ...], new_size: tuple[int, ...]) -> bool:
    if old_name in INTEGERS:
        old_size = (INTEGERS[old_name], 0)
    elif old_name != "numeric":
        return False
    if not new_size or not old_size:
        return not new_size
    (digits, scale), (new_digits, new_scale) = old_size, new_size
    return scale <= new_scale and digits - scale <= new_digits - new_scale


def _fits_text(old_name: str, old_size: tuple[int, ...], new_name: str, new_size: tuple[int, ...]) -> bool:
    if new_name == "text" or (new_name == "character varying" and not new_size):
        return True
    return old_name == new_name and bool(old_size) and old_size <= new_size


def comparable(column: str, spelled: str, alias: str) -> str:
    """Return the SQL whose equality means that nobody could tell two values of this type apart."""
    name, size = _split(spelled.removesuffix("[]"))
    return _form(column, alias, name in SHOWN_BY_TEXT or (name == "numeric" and not size))


def equatable(column: str, spelled: str, alias: str) -> str:
    """Return the SQL whose equality means that two values count as one: as PostgreSQL has it, where it has one."""
    return _form(column, alias, _split(spelled.removesuffix("[]"))[0] in COMPARED_AS_TEXT)


def overlooks(spelled: str) -> bool:
    """Tell whether the `=` of a type calls values equal of which no text shows it: 1 day and 24:00:00."""
    name = _split(spelled.removesuffix("[]"))[0]
    return name in SHOWN_BY_TEXT - {*FLOATS} or (spelled.endswith("[]") and name in {"numeric", *FLOATS})


def _form(column: str, alias: str, as_text: bool) -> str:
    name = f"{alias}.{identifier(column)}"
    return f"{name}::text" if as_text else name
