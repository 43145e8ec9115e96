"""Two exports compared where they lie: their keys checked, and joined on them."""

import contextlib
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from transformation.delta import query
from transformation.delta.engine import named_file
from transformation.delta.export import Export, common_kind, state_of, text_of
from transformation.delta.query import Shape
from utils.errors import DuplicateKeyError, ExportChangedError, ExportRefusedError, SchemaDriftError
from utils.export_table import ExportTable, Format

logger = logging.getLogger(__name__)

BEFORE, AFTER, CHANGES = "export_before", "export_after", "changes"
DIFFERING = "differing"  # the changes with the types that the files have
SIDES = {BEFORE: "the earlier export", AFTER: "the export"}


@dataclass(frozen=True)
class Counts:
    """How many rows there were and are, and what became of them."""

    before: int
    after: int
    inserted: int = 0
    updated: int = 0
    deleted: int = 0

    @property
    def changes(self) -> int:
        """All changes together."""
        return self.inserted + self.updated + self.deleted

    @property
    def unchanged(self) -> int:
        """Rows of both exports that are equal in every column."""
        return self.after - self.inserted - self.updated


@dataclass(frozen=True)
class Comparison:
    """What `changes` now holds in the database, and the columns that its places mean."""

    columns: tuple[str, ...]
    shape: Shape
    counts: Counts
    added: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()


def compare(
    before: Export | None, after: Export, table: ExportTable, connection: duckdb.DuckDBPyConnection
) -> Comparison:
    """Compute the changes between two exports; without an earlier one every row is new.

    The later export's columns count: one that the earlier lacked was NULL there, one that the later lacks
    is in no change.
    """
    earlier = before.columns if before else after.columns
    shape = shape_of(table, after.columns, earlier)
    given = [export for export in (before, after) if export]
    kinds = {name: common_kind(name, given) for name in after.columns}
    with _named_parts(given, kinds, connection):
        rows = []
        for name, export in ((BEFORE, before), (AFTER, after)):
            connection.execute(f"CREATE VIEW {name} AS {_relation(export, kinds)}")
            rows.append(_check_side(name, tuple(kinds.values()), shape, table, connection))
        begun = time.monotonic()
        _join(tuple(kinds.values()), shape, connection)
    _refuse_overwritten(given)
    comparison = summed_up(rows, after.columns, earlier, shape, connection)
    _log("exports compared", comparison.counts.changes, begun)
    return comparison


def _relation(export: Export | None, kinds: Mapping[str, str]) -> str:
    """Return the query over an export's files, which has no row if there is no export.

    The files are read twice, for their keys and for the join: that takes less time, memory and disk than tables would.
    """
    if not export:
        nothing = ", ".join(f"CAST(NULL AS {kind}) AS c{place}" for place, kind in enumerate(kinds.values(), 1))
        return f"SELECT {nothing} WHERE false"
    return " UNION ALL ".join(part.select(tuple(kinds), tuple(kinds.values())) for part in export.parts)


@contextlib.contextmanager
def _named_parts(
    exports: Sequence[Export], kinds: Mapping[str, str], connection: duckdb.DuckDBPyConnection
) -> Iterator[None]:
    """Say which file cannot be read, by reading each alone: the join does not tell."""
    try:
        yield
    except (duckdb.InvalidInputException, duckdb.ConversionException):
        for part in (part for export in exports for part in export.parts):
            with named_file(part.name):
                connection.execute(
                    f"SELECT count(COLUMNS(*)) FROM ({part.select(tuple(kinds), tuple(kinds.values()))})"
                )
        raise


def _check_side(
    name: str, kinds: Sequence[str], shape: Shape, table: ExportTable, connection: duckdb.DuckDBPyConnection
) -> int:
    """Count an export's rows, or raise the error that shows keys which are NULL or not their row's alone."""
    begun = time.monotonic()
    rows, in_doubt = _keys_in_doubt(name, shape, connection)
    if in_doubt:
        key = ", ".join(text_of(f"c{place}", kinds[place - 1]) for place in shape.key)
        missing = connection.execute(f"SELECT {key} FROM ({query.keys_missing(name, shape)})").fetchall()
        twice = connection.execute(f"SELECT copies, {key} FROM ({query.keys_twice(name, shape)})").fetchall()
        check_keys(missing, twice, SIDES[name], table)
    _log("export read", rows, begun, export=name.removeprefix("export_"))
    return rows


def _keys_in_doubt(name: str, shape: Shape, connection: duckdb.DuckDBPyConnection) -> tuple[int, bool]:
    """Count rows and tell whether some key may be wrong: as many hashes as rows are as many keys, and hashes are small.

    Two keys may share a hash, though hardly ever; then the keys themselves are asked.
    """
    columns = [f"c{place}" for place in shape.key]
    lacks = " OR ".join(f"{column} IS NULL" for column in columns)
    counted = f"count(*), count(DISTINCT hash({', '.join(columns)})), count(*) FILTER (WHERE {lacks})"
    rows, hashes, lacking = connection.execute(f"SELECT {counted} FROM {name}").fetchone() or (0, 0, 0)
    return rows, bool(hashes < rows or lacking)


def _join(kinds: Sequence[str], shape: Shape, connection: duckdb.DuckDBPyConnection) -> None:
    """Keep the rows that differ, as the files have them, and show them as texts."""
    connection.execute(f"CREATE TABLE {DIFFERING} AS {query.delta(BEFORE, AFTER, shape)}")
    items = [f"{text_of(f'{side}{n}', kinds[n - 1])} AS {side}{n}" for side in "ba" for n in shape.places]
    connection.execute(f"CREATE VIEW {CHANGES} AS SELECT op, {', '.join(items)} FROM {DIFFERING}")


def _refuse_overwritten(exports: Sequence[Export]) -> None:
    """Raise ExportChangedError if the join may have read other rows than those whose keys were checked."""
    for part in (part for export in exports for part in export.parts):
        if state_of(part.path) != part.state:
            raise ExportChangedError(
                f"{part.name} was overwritten while it was read. Restore it, and compare again.", file=part.name
            )


def summed_up(
    rows: Sequence[int],
    columns: tuple[str, ...],
    earlier: Sequence[str],
    shape: Shape,
    connection: duckdb.DuckDBPyConnection,
) -> Comparison:
    """Count what `changes` holds, of exports that have so many rows and these columns."""
    counts = Counts(*rows, **_operations(connection))
    return Comparison(columns, shape, counts, _missing(columns, earlier), _missing(earlier, columns))


def shape_of(table: ExportTable, columns: Sequence[str], earlier: Sequence[str]) -> Shape:
    """Return how many columns are compared, and where the key is, which both exports must have."""
    return Shape(len(columns), _key_places(table, columns, earlier))


def _missing(names: Sequence[str], others: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name not in others)


def _key_places(table: ExportTable, columns: Sequence[str], earlier: Sequence[str]) -> tuple[int, ...]:
    for side, found in ((AFTER, columns), (BEFORE, earlier)):
        if lacking := _missing(table.key, found):
            is_unsplit = len(found) == 1 and table.format is Format.CSV
            raise SchemaDriftError(
                f"{SIDES[side].capitalize()} of {table.name} lacks the key's {', '.join(lacking)}. It has "
                f"{', '.join(found)}. Export it with its key, or name another key"
                f"{', or the delimiter that it has' if is_unsplit else ''}."
            )
    return tuple(columns.index(name) + 1 for name in table.key)


def check_keys(missing: Sequence[Sequence[Any]], twice: Sequence[Sequence[Any]], what: str, table: ExportTable) -> None:
    """Raise the error that shows rows whose key is NULL, or not theirs alone."""
    if missing:
        examples = "; ".join(_key_text(table, key) for key in missing)
        raise ExportRefusedError(
            f"In {what} of {table.name} the key of some rows is NULL: {examples}. A row without a key cannot be "
            "followed from one export to the next; export it whole, or name another key.",
            table=table.name,
        )
    if twice:
        examples = "; ".join(f"{_key_text(table, key)} ({copies} rows)" for copies, *key in twice)
        raise DuplicateKeyError(
            f"In {what} of {table.name} several rows have the same key: {examples}. Export each row once, or name a "
            "key that tells them apart.",
            table=table.name,
        )


def _key_text(table: ExportTable, key: Sequence[str | None]) -> str:
    return ", ".join(f"{name}={'NULL' if text is None else text}" for name, text in zip(table.key, key, strict=True))


def _operations(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    names = {"INSERT": "inserted", "UPDATE": "updated", "DELETE": "deleted"}
    found = connection.execute(f"SELECT op, count(*) FROM {CHANGES} GROUP BY op").fetchall()
    return {names[op]: count for op, count in found}


def _log(message: str, rows: int, begun: float, **fields: str) -> None:
    logger.info(message, extra={"row_count": rows, "duration_ms": round((time.monotonic() - begun) * 1000), **fields})
