"""The tables that files go to: created as declared where they are missing, else compared with the declaration."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pg8000.exceptions import DatabaseError

from load.files.ledger import SETUP
from utils.errors import SchemaDriftError
from utils.file_table import FileTable
from utils.postgres.names import TableName, column_list, identifier
from utils.postgres.session import Session, sqlstate
from utils.postgres.type_names import spell_types

MAX_NAME_BYTES = 63  # PostgreSQL cuts longer names without an error
FILE_SETTING = "starlift.file"
FROM_SETTING = f"current_setting('{FILE_SETTING}'"  # how a default of ours begins, as the catalogue tells it
# A name in the way, an unknown type, a key that cannot be: a person must look.
WRONG = {"42P07", "42704", "42710", "42P16", "42P17", "42601", "42703", "0A000"}
KIND = """
SELECT c.relkind::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = :schema AND c.relname = :name
"""
COLUMNS = """
SELECT a.attname::text AS name, pg_catalog.format_type(a.atttypid, a.atttypmod) AS type,
       a.attnotnull AND a.atthasdef IS FALSE AND a.attidentity = '' AS is_needed,
       coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid), '') AS default
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE n.nspname = :schema AND c.relname = :name
"""


@dataclass(frozen=True)
class Prepared:
    """A table that can take a file's rows."""

    table: FileTable
    names_file: bool  # by itself, from a setting of the transaction


def prepare(session: Session, table: FileTable) -> Prepared:
    """Create the table if it is missing, and refuse one that cannot hold the file's columns."""
    if not table.is_declared:
        return Prepared(table, names_file=False)
    if _kind(session, table.name) is None:
        session.run(SETUP)  # two first workers would both create it
        if _kind(session, table.name) is None:
            with _named_mistakes(table):
                _create(session, table)
    found = {row["name"]: row for row in session.rows(COLUMNS, schema=table.name.schema, name=table.name.table)}
    _check_kind(_kind(session, table.name), table)
    _check_columns(session, table, found)
    column = found.get(table.file_column or "", {})
    return Prepared(table, names_file=str(column.get("default", "")).startswith(FROM_SETTING))


def _kind(session: Session, name: TableName) -> str | None:
    found: str | None = session.value(KIND, schema=name.schema, name=name.table)
    return found


def _check_kind(kind: str | None, table: FileTable) -> None:
    if kind not in {"r", "p"}:
        raise SchemaDriftError(
            f"{table.name.sql} is there and is not a table. Rename it, or name another table in "
            f"files/{table.folder}.toml.",
            table=table.name.table,
        )


def _check_columns(session: Session, table: FileTable, found: Mapping[str, Mapping[str, Any]]) -> None:
    spelled = spell_types(session, sorted({column.type for column in table.columns}))
    wanted = {column.name: spelled[column.type] for column in table.columns}
    if table.file_column:
        wanted[table.file_column] = "text"
    complaints = [*_missing(wanted, found), *_of_other_type(wanted, found), *_not_filled(wanted, found)]
    if complaints:
        raise SchemaDriftError(
            f"The table {table.name.sql} is not as files/{table.folder}.toml declares it: {'; '.join(complaints)}. "
            "Alter the table, or declare it as it is.",
            table=table.name.table,
        )


def _missing(wanted: Mapping[str, str], found: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    return (f"it lacks {name}" for name in wanted if name not in found)


def _of_other_type(wanted: Mapping[str, str], found: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for name, kind in wanted.items():
        if name in found and found[name]["type"] != kind:
            yield f"its {name} is {found[name]['type']} and not {kind}"


def _not_filled(wanted: Mapping[str, str], found: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for name, row in found.items():
        if name not in wanted and row["is_needed"]:
            yield f"its {name} must not be null and no file brings it"


def _create(session: Session, table: FileTable) -> None:
    _check_names(table)
    if not session.value(
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = :name)", name=table.name.schema
    ):
        session.run(f"CREATE SCHEMA {identifier(table.name.schema)}")
    spell_types(session, sorted({column.type for column in table.columns}))  # refuses what is not a type's name
    for statement in create_statements(table):
        session.run(statement)


def _check_names(table: FileTable) -> None:
    names = [table.name.table, *table.column_names, *([table.file_column] if table.file_column else [])]
    names += [name.table for name in partition_names(table)]
    for name in names:
        if len(name.encode()) > MAX_NAME_BYTES:
            raise SchemaDriftError(
                f"files/{table.folder}.toml needs the name {name!r}, and PostgreSQL keeps only {MAX_NAME_BYTES} bytes "
                "of a name. Shorten it.",
                table=table.name.table,
            )


def create_statements(table: FileTable) -> Iterator[str]:
    """Yield the statements that create a declared table."""
    body = [_definition(column.name, column.type, column.rules.required) for column in table.columns]
    if table.file_column:
        body.append(f"{identifier(table.file_column)} text DEFAULT {FROM_SETTING}, true)")
    if table.key:
        body.append(f"PRIMARY KEY ({column_list(table.key)})")
    parts = table.partitions
    by = f" PARTITION BY HASH ({column_list(parts.columns)})" if parts else ""
    yield f"CREATE TABLE {table.name.sql} (\n    " + ",\n    ".join(body) + f"\n){by}"
    for place, name in enumerate(partition_names(table)):
        count = parts.count if parts else 0
        yield (
            f"CREATE TABLE {name.sql} PARTITION OF {table.name.sql} "
            f"FOR VALUES WITH (MODULUS {count}, REMAINDER {place})"
        )
    if table.file_column:  # tiny, and free while rows are copied: a file's rows lie side by side
        yield f"CREATE INDEX ON {table.name.sql} USING brin ({identifier(table.file_column)}) WITH (autosummarize = on)"


def _definition(name: str, kind: str, required: bool) -> str:
    return f"{identifier(name)} {kind}{' NOT NULL' if required else ''}"


def partition_names(table: FileTable) -> list[TableName]:
    """Return the names of the table's partitions."""
    count = table.partitions.count if table.partitions else 0
    return [TableName(table.name.schema, f"{table.name.table}_{place}") for place in range(count)]


@contextlib.contextmanager
def _named_mistakes(table: FileTable) -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        if sqlstate(error) not in WRONG:
            raise
        raise SchemaDriftError(
            f"{table.name.sql} cannot be created as files/{table.folder}.toml declares it: {error.args[0].get('M')}. "
            "Correct the declaration, or remove what is in the way.",
            table=table.name.table,
        ) from error
