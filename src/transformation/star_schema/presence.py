"""The keys of every source row as a model's table writes them: what the warehouse holds beyond them was deleted."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import duckdb

from transformation.star_schema.definition import resolve_reference
from transformation.star_schema.quality import DataTest, key_text
from transformation.star_schema.relations import RAW, Relation, create_relation
from transformation.star_schema.select_list import Item, SelectList
from utils.manifest import SourceTable
from utils.model import Model
from utils.postgres.names import identifier, literal

TEXT = "_starlift_text:"  # prefix of the columns that hold a key's text


def check_presence(model: Model, found: SelectList, relations: Mapping[str, Relation], table: SourceTable) -> None:
    """Refuse to look for deletes where the model's key is not made of its driving table's key alone."""
    python = model.path.suffix == ".py"
    whole: set[str] = set()
    for item in _key_items(model, found):
        named = [] if python else [resolve_reference(reference, relations) for reference in item.references]
        if not named or any(alias != model.alias or column not in table.primary_key for alias, column in named):
            raise _not_told(model, f"{item.name}, which is not made of the primary key of {table.name} alone", table)
        whole.update(column for _, column in named)
    if missing := [column for column in table.primary_key if column not in whole]:
        raise _not_told(model, f"({', '.join(model.key)}), which leaves out {missing[0]} of {table.name}", table)


def _not_told(model: Model, key: str, table: SourceTable) -> Exception:
    return model.error(
        f"has the key {key}, so no deleted row could be told from it. "
        f"Change the key, or remove deletes from [tables.{table.name}]",
        "key",
    )


def _key_items(model: Model, found: SelectList) -> list[Item]:
    return [item for item in found.items if item.name in model.key]


def key_relation(connection: duckdb.DuckDBPyConnection, table: SourceTable, files: list[Path]) -> Relation:
    """Make the primary keys of every row of a table a relation."""
    columns = tuple(column for column in table.columns if column.name in table.primary_key)
    return create_relation(connection, replace(table, name=f"keys of {table.name}", columns=columns), {"keys": files})


def write_present(connection: duckdb.DuckDBPyConnection, query: str, path: Path) -> int:
    """Write keys, and return how many there are."""
    written = connection.execute(
        f"COPY ({query}) TO {literal(str(path))} (FORMAT parquet, COMPRESSION zstd)"
    ).fetchone()
    return int(written[0]) if written else 0


def present_keys(model: Model, found: SelectList, tests: Sequence[DataTest], keys: Relation) -> str:
    """Return the query for the model's keys of all rows as text.

    A key that cannot be computed or read is none that the warehouse holds: its row is in quarantine.
    """
    items = _key_items(model, found)
    values = ", ".join(f"TRY({item.expression}) AS {identifier(item.name)}" for item in items)
    texts = {item.name: identifier(TEXT + item.name) for item in items}
    beside = ", ".join(f"{_text(item)} AS {texts[item.name]}" for item in items)
    readable = ", ".join(f"{key_text(name, text, tests)} AS {identifier(name)}" for name, text in texts.items())
    return f"SELECT {readable} FROM (SELECT {values}, {beside} FROM {keys.lenient} AS {identifier(model.alias)})"


def _text(item: Item) -> str:
    """Return a key's text: as the source wrote it where the model hands it on, for DuckDB may not hold it."""
    return identifier(RAW + item.references[0].column) if item.bare else f"CAST(TRY({item.expression}) AS VARCHAR)"
