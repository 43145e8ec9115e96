"""Rows that fail a test: the model does not yield them, and only the quarantine may account for them."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import duckdb

from local.warehouse.comparable import held_text, json_lines
from local.warehouse.held import dump, read_csv
from utils.manifest import WarehouseTable
from utils.postgres.connection import Connection
from utils.postgres.names import column_list, identifier, literal

TEXTS = "CAST(CAST(key AS JSON) AS MAP(VARCHAR, VARCHAR))"  # by name: ->> would read a name such as $.a as a path
# A key that is not known has its source row's beside it: together they stand for it, written the same on both sides.
WHOLE = f"array_to_string(list_sort([p.key || '=' || coalesce(p.value, 'NULL') for p in map_entries({TEXTS})]), ' ')"


def key_texts(names: Iterable[str], kinds: Mapping[str, str]) -> str:
    """Return the key columns of `key`, a JSON of texts, as differences write them."""
    parts = ((name, held_text(f"{TEXTS}[{literal(name)}]", kinds[name])) for name in names)
    return ", ".join(f"coalesce({text}, {WHOLE}) AS {identifier(name)}" for name, text in parts)


def read_quarantine(
    session: Connection,
    database: duckdb.DuckDBPyConnection,
    table: WarehouseTable,
    kinds: Mapping[str, str],
    path: Path,
) -> int:
    """Make the keys in quarantine the table `quarantined` and return the number of entries."""
    query = f"SELECT key::text FROM starlift.quarantine WHERE model = {literal(table.name)}"
    rows, longest = dump(session, query, path)
    read_csv(database, "waiting", ("key",), path, longest)
    if table.key:
        texts = key_texts(table.key, kinds)
        database.execute(f"CREATE OR REPLACE TEMP TABLE quarantined AS SELECT DISTINCT {texts} FROM waiting")
    return rows


def add_refused(
    database: duckdb.DuckDBPyConnection, table: WarehouseTable, kinds: Mapping[str, str], root: Path
) -> None:
    """Add to the differences what fails a test: an older version that is held differs, and else it is missing."""
    if not table.quarantine:
        return
    texts, keys = key_texts(table.key, kinds), column_list(table.key)
    found = " UNION ".join(f"SELECT {texts} FROM {json_lines(root / file.key)}" for file in table.quarantine)
    database.execute(f"CREATE OR REPLACE TEMP TABLE refused AS {found}")
    on = " AND ".join(f"d.{identifier(name)} = r.{identifier(name)}" for name in table.key)
    database.execute(f"UPDATE differences AS d SET difference = 'different' FROM refused r WHERE {on}")
    database.execute(
        f"INSERT INTO differences SELECT {keys}, 'missing' FROM refused ANTI JOIN differences USING ({keys})"
    )
