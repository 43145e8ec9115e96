"""The comparison in SQL that DuckDB and Athena both understand, and the checks that it stands on.

A relation holds an export's columns as c1, c2 ..., all of them text. A result holds op, the row before as
b1, b2 ... and the row after as a1, a2 ...
"""

from collections.abc import Sequence
from dataclasses import dataclass

EXAMPLES = 5  # keys that a message names


@dataclass(frozen=True)
class Shape:
    """How many columns are compared, and which places, from 1, make up the key."""

    width: int
    key: tuple[int, ...]

    @property
    def places(self) -> range:
        """Every column's place."""
        return range(1, self.width + 1)


def delta(before: str, after: str, shape: Shape) -> str:
    """Return the query for every row that is new, gone, or differs in any column."""
    first = shape.key[0]  # never NULL inside an export, so NULL here means that the row is not there
    sides = (("earlier", "b"), ("later", "a"))
    rows = ", ".join(f"{side}.c{place} AS {short}{place}" for side, short in sides for place in shape.places)
    same_key = " AND ".join(f"earlier.c{place} = later.c{place}" for place in shape.key)
    differs = " OR ".join(f"earlier.c{place} IS DISTINCT FROM later.c{place}" for place in shape.places)
    return (
        f"SELECT CASE WHEN earlier.c{first} IS NULL THEN 'INSERT' WHEN later.c{first} IS NULL THEN 'DELETE' "
        f"ELSE 'UPDATE' END AS op, {rows} "
        f"FROM {before} AS earlier FULL JOIN {after} AS later ON {same_key} WHERE {differs}"
    )


def keys_twice(relation: str, shape: Shape) -> str:
    """Return the query for some keys that more than one row has, and how many have them."""
    key = _columns(shape.key)
    return (
        f"SELECT count(*) AS copies, {key} FROM {relation} AS export GROUP BY {key} HAVING count(*) > 1 "
        f"ORDER BY {key} LIMIT {EXAMPLES}"
    )


def keys_missing(relation: str, shape: Shape) -> str:
    """Return the query for some rows whose key holds NULL."""
    lacks = " OR ".join(f"c{place} IS NULL" for place in shape.key)
    return f"SELECT {_columns(shape.key)} FROM {relation} AS export WHERE {lacks} ORDER BY 1 LIMIT {EXAMPLES}"


def dates_beyond(relation: str, shape: Shape, places: Sequence[int]) -> str:
    """Return the query for some rows with a date outside the years 1 to 9999, which the two dialects write differently.

    Each of them writes a year 0 or before that, or one of more digits, longer, or so that it sorts before year 1.
    """
    beyond = " OR ".join(f"length(c{place}) <> 10 OR c{place} < '0001'" for place in places)
    return f"SELECT {_columns(shape.key)} FROM {relation} AS export WHERE {beyond} LIMIT {EXAMPLES}"


def _columns(places: Sequence[int]) -> str:
    return ", ".join(f"c{place}" for place in places)
