"""Changes written as JSON lines by DuckDB itself, in the form of utils.changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from transformation.delta.compare import CHANGES, Comparison
from utils.export_table import ExportVersion
from utils.postgres.names import literal


@dataclass(frozen=True)
class Numbered:
    """A version with its place in its series."""

    version: ExportVersion
    order: int


def write_lines(comparison: Comparison, numbered: Numbered, path: Path, connection: duckdb.DuckDBPyConnection) -> None:
    """Write every change as one line, in order of key by the bytes of its text, so that a retry numbers them alike."""
    # Only here does order matter; the comparison itself is faster and smaller without it.
    connection.execute("SET preserve_insertion_order = true")
    connection.execute(f"COPY ({_select(comparison, numbered)}) TO {literal(str(path))} (FORMAT json)")
    connection.execute("SET preserve_insertion_order = false")


def _select(comparison: Comparison, numbered: Numbered) -> str:
    columns, shape, version = comparison.columns, comparison.shape, numbered.version
    every = list(zip(columns, shape.places, strict=True))
    key = [f"coalesce(a{place}, b{place})" for place in shape.key]
    names = [columns[place - 1] for place in shape.key]
    same_for_all = f"{version.tenant}/{version.table}/{version.version}/{numbered.order}/"
    before = _object(columns, [f"b{place}" for _, place in every])
    after = _object(columns, [f"a{place}" for _, place in every])
    return (
        f'SELECT op, {literal(version.tenant)} AS tenant, {literal(version.table)} AS "table", '
        f'{literal(version.version)} AS "version", {numbered.order} AS "order", '
        f"row_number() OVER () AS sequence, {literal(same_for_all)} || row_number() OVER () AS idempotency_key, "
        f'{_object(names, key)} AS "key", '
        f"CASE WHEN op <> 'INSERT' THEN {before} END AS \"before\", "
        f"CASE WHEN op <> 'DELETE' THEN {after} END AS \"after\" "
        f"FROM (FROM {CHANGES} ORDER BY {', '.join(key)})"
    )


def _object(names: Sequence[str], values: Sequence[str]) -> str:
    return f"json_object({', '.join(f'{literal(name)}, {value}' for name, value in zip(names, values, strict=True))})"
