"""The keys of every source row as a model's table writes them: what the warehouse holds beyond them was deleted."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import duckdb

from transformation.star_schema.definition import resolve_reference
from transformation.star_schema.relations import RAW, Relation, create_relation
from transformation.star_schema.select_list import Item, SelectList
from utils.manifest import SourceTable
from utils.model import Model
from utils.postgres.names import identifier, literal


def check_presence(model: Model, found: SelectList, relations: Mapping[str, Relation], table: SourceTable) -> None:
    """Refuse to look for deletes where the model's key is not made of its driving table's key alone."""
    python = model.path.suffix == ".py"
    for item in _key_items(model, found):
        named = [] if python else [resolve_reference(reference, relations) for reference in item.references]
        if not named or any(alias != model.alias or column not in table.primary_key for alias, column in named):
            raise model.error(
                f"has the key {item.name}, which is not made of the primary key of {table.name} alone, so no deleted "
                f"row could be told from it. Change the key, or remove deletes from [tables.{table.name}]",
                "key",
            )


def _key_items(model: Model, found: SelectList) -> list[Item]:
    return [item for item in found.items if item.name in model.key]


def key_relation(connection: duckdb.DuckDBPyConnection, table: SourceTable, files: list[Path]) -> Relation:
    """Make the primary keys of every row of a table a relation."""
    columns = tuple(column for column in table.columns if column.name in table.primary_key)
    return create_relation(connection, replace(table, name=f"keys of {table.name}", columns=columns), {"keys": files})


def write_present(
    connection: duckdb.DuckDBPyConnection, model: Model, found: SelectList, keys: Relation, path: Path
) -> int:
    """Write the model's keys of all rows as text, and return how many there are."""
    values = ", ".join(f"{_text(item)} AS {identifier(item.name)}" for item in _key_items(model, found))
    query = f"SELECT {values} FROM {keys.lenient} AS {identifier(model.alias)}"
    written = connection.execute(
        f"COPY ({query}) TO {literal(str(path))} (FORMAT parquet, COMPRESSION zstd)"
    ).fetchone()
    return int(written[0]) if written else 0


def _text(item: Item) -> str:
    """Return a key's text: as the source wrote it where the model hands it on, for DuckDB may not hold it."""
    return identifier(RAW + item.references[0].column) if item.bare else f"CAST({item.expression} AS VARCHAR)"
