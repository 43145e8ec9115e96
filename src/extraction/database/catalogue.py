"""The source's catalogue: what each tracked table looks like, in the words of a manifest."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from utils.errors import AccessDeniedError, ConfigurationError
from utils.manifest import Column, ForeignKey, SourceTable
from utils.postgres.connection import Connection
from utils.postgres.names import TableName
from utils.project import Project, TableSettings

RESERVED = "_starlift_"  # what transformation adds to a table's columns begins so
RELATION = """
    SELECT c.oid::bigint AS oid,
           (WITH RECURSIVE part AS (
                SELECT c.oid UNION SELECT i.inhrelid FROM part JOIN pg_catalog.pg_inherits i ON i.inhparent = part.oid
            ) SELECT pg_catalog.array_agg(part.oid::bigint ORDER BY part.oid) FROM part) AS parts,
           pg_catalog.row_security_active(c.oid) AS rows_hidden,
           c.relkind IN ('v', 'f') OR EXISTS (  -- a partition or child in another server has no xmin here
               WITH RECURSIVE below AS (
                   SELECT i.inhrelid FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid
                   UNION ALL
                   SELECT i.inhrelid FROM below JOIN pg_catalog.pg_inherits i ON i.inhparent = below.inhrelid
               )
               SELECT FROM below JOIN pg_catalog.pg_class part ON part.oid = below.inhrelid WHERE part.relkind = 'f'
           ) AS without_xmin
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = :schema AND c.relname = :table AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
"""
COLUMNS = """
    WITH RECURSIVE base AS (  -- a domain's values are those of the type below it
        SELECT a.attnum, a.atttypid AS type, a.atttypmod AS modifier
        FROM pg_catalog.pg_attribute a WHERE a.attrelid = :oid AND a.attnum > 0 AND NOT a.attisdropped
        UNION ALL
        SELECT b.attnum, t.typbasetype, t.typtypmod FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.type
        WHERE t.typtype = 'd'
    )
    SELECT a.attname AS name, a.attnotnull AS not_null,
           pg_catalog.format_type(a.atttypid, a.atttypmod) AS declared,
           pg_catalog.format_type(b.type, b.modifier) AS type,
           CASE WHEN element.oid IS NULL THEN t.oid ELSE element.oid END < 16384 AS built_in,
           element.oid IS NOT NULL AND element.typdelim = ',' AS is_array  -- text[] knows no other delimiter
    FROM pg_catalog.pg_attribute a
    JOIN base b ON b.attnum = a.attnum
    JOIN pg_catalog.pg_type t ON t.oid = b.type AND t.typtype <> 'd'
    LEFT JOIN pg_catalog.pg_type element ON element.oid = t.typelem AND t.typcategory = 'A'
    WHERE a.attrelid = :oid AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attnum
"""
# Their texts name objects of the source, which the warehouse need not have.
NAMING = {"aclitem", "regclass", "regcollation", "regconfig", "regdictionary", "regnamespace", "regoper", "regoperator"}
NAMING |= {"regproc", "regprocedure", "regrole", "regtype"}
UNIQUE_KEYS = """
    SELECT i.indisprimary AS is_primary,
           (SELECT pg_catalog.array_agg(a.attname::text ORDER BY k.place)
            FROM pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY k (number, place)
            JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
            WHERE k.place <= i.indnkeyatts) AS columns
    FROM pg_catalog.pg_index i
    WHERE i.indrelid = :oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
    ORDER BY i.indisprimary DESC, i.indexrelid
"""
FOREIGN_KEYS = """
    SELECT n.nspname AS schema, c.relname AS table,
           (SELECT pg_catalog.array_agg(a.attname::text ORDER BY k.place)
            FROM pg_catalog.unnest(f.conkey) WITH ORDINALITY k (number, place)
            JOIN pg_catalog.pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.number) AS columns,
           (SELECT pg_catalog.array_agg(a.attname::text ORDER BY k.place)
            FROM pg_catalog.unnest(f.confkey) WITH ORDINALITY k (number, place)
            JOIN pg_catalog.pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k.number) AS key
    FROM pg_catalog.pg_constraint f
    JOIN pg_catalog.pg_class c ON c.oid = f.confrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE f.conrelid = :oid AND f.contype = 'f' AND NOT EXISTS (  -- not the copies that partitions add
        SELECT FROM pg_catalog.pg_constraint p WHERE p.oid = f.conparentid)
    ORDER BY f.conname
"""


@dataclass(frozen=True)
class _Reader:
    """Reads tables one by one, with what is needed to call their parents by the project's names."""

    connection: Connection
    project: Project
    names: Mapping[TableName, str]

    def table(self, name: str) -> SourceTable:
        where = self.project.table_name(name)
        relation = self._relation(name, where)
        settings = self.project.table_settings(name)
        columns = _kept(name, self._columns(relation["oid"]), settings)
        read = {column.name for column in columns}
        keys = self._unique_keys(relation["oid"], settings)
        primary = next((columns for is_primary, columns in keys if is_primary), ())
        cursor = _cursor(name, columns, settings, self.project.default_cursor)
        if settings.compares_keys and not primary:
            raise ConfigurationError(
                f"pipeline.toml looks for deletes in {name}, which has no primary key to compare. Give the table "
                f"one, or remove deletes from [tables.{name}]."
            )
        return SourceTable(
            name=name,
            columns=columns,
            primary_key=_check_kept(name, primary, columns),
            unique_keys=tuple(key for _, key in keys if set(key) <= read),
            foreign_keys=tuple(key for key in self._foreign_keys(relation["oid"]) if set(key.columns) <= read),
            mode=_mode(relation["without_xmin"], self._is_full(name), bool(primary), cursor),
            whole=False,
            cursor=cursor,
            high_water_mark=None,
            previous_high_water_mark=None,
            parts=tuple(relation["parts"]),
        )

    def _is_full(self, name: str) -> bool:
        """Tell whether a table's changes can only be used whole: it is set so, or it fills a table that is replaced."""
        replaced = any(model.driving == name and model.load == "replace" for model in self.project.models)
        return replaced or self.project.table_settings(name).full

    def _relation(self, name: str, where: TableName) -> dict[str, Any]:
        found = self.connection.rows(RELATION, schema=where.schema, table=where.table)
        if not found:
            raise ConfigurationError(
                f"The source has no table {where.schema}.{where.table}, which the project reads as {name}. "
                "Correct the name in pipeline.toml or the model."
            )
        if found[0]["rows_hidden"]:
            raise AccessDeniedError(
                f"Row-level security hides rows of {where.schema}.{where.table} from this role. "
                "Give it BYPASSRLS, so that no row is missed in silence."
            )
        return found[0]

    def _columns(self, oid: int) -> list[Column]:
        return [
            Column(row["name"], _arriving_type(row), row["declared"], row["not_null"])
            for row in self.connection.rows(COLUMNS, oid=oid)
        ]

    def _unique_keys(self, oid: int, settings: TableSettings) -> list[tuple[bool, tuple[str, ...]]]:
        keys = [(row["is_primary"], tuple(row["columns"])) for row in self.connection.rows(UNIQUE_KEYS, oid=oid)]
        if settings.key:
            keys = [(False, columns) for _, columns in keys if columns != settings.key]
            keys.insert(0, (True, settings.key))
        return keys

    def _foreign_keys(self, oid: int) -> tuple[ForeignKey, ...]:
        keys = self.connection.rows(FOREIGN_KEYS, oid=oid)
        return tuple(
            ForeignKey(tuple(row["columns"]), self.names[parent], tuple(row["key"]))
            for row in keys
            if (parent := TableName(row["schema"], row["table"])) in self.names
        )


def read_catalogue(connection: Connection, project: Project) -> dict[str, SourceTable]:
    """Return every tracked table by its name in the project, without files and not yet read.

    Raises:
        ConfigurationError: a table or column that the project names is not there.
        AccessDeniedError: row-level security would hide rows.
    """
    names = {project.table_name(table): table for table in project.tables}
    for table in project.tables:
        if names[project.table_name(table)] != table:
            raise ConfigurationError(f"The project names one table twice, as {table} and as another; use one name.")
    reader = _Reader(connection, project, names)
    return {table: reader.table(table) for table in project.tables}


def _arriving_type(row: Mapping[str, Any]) -> str:
    """Return the built-in type whose text form the column's values have, wherever they are read."""
    if row["built_in"] and str(row["type"]).removesuffix("[]") not in NAMING:
        return str(row["type"])
    return "text[]" if row["is_array"] else "text"


def _kept(name: str, columns: list[Column], settings: TableSettings) -> tuple[Column, ...]:
    present = {column.name for column in columns}
    if missing := sorted(set(settings.exclude) - present):
        raise ConfigurationError(f"pipeline.toml excludes {name}.{missing[0]}, which the source does not have.")
    if missing := sorted(set(settings.key) - present):
        raise ConfigurationError(f"pipeline.toml names {name}.{missing[0]} as key, which the source does not have.")
    return tuple(column for column in columns if column.name not in settings.exclude)


def unusable_columns(table: SourceTable) -> list[str]:
    """Return columns that transformation could not tell from one before them, or from its own."""
    names = [column.name for column in table.columns]
    folded = [name.lower() for name in names]
    double = {name for place, name in enumerate(names) if name.lower() in folded[:place]}
    return [name for name in names if name in double or name.lower().startswith(RESERVED)]


def read_usable_catalogue(connection: Connection, project: Project) -> dict[str, SourceTable]:
    """Return the catalogue, or raise ConfigurationError for columns whose names transformation cannot bear."""
    tables = read_catalogue(connection, project)
    for table in tables.values():
        if unusable := unusable_columns(table):
            raise ConfigurationError(
                f"{table.name} has the column {unusable[0]}. Names of columns must differ in more than case, and must "
                f"not begin with {RESERVED}: rename it, or leave it out with exclude in pipeline.toml."
            )
        if not table.columns:
            raise ConfigurationError(f"{table.name} has no column that could be read.")
    return tables


def _check_kept(name: str, key: tuple[str, ...], columns: tuple[Column, ...]) -> tuple[str, ...]:
    if excluded := sorted(set(key) - {column.name for column in columns}):
        raise ConfigurationError(f"pipeline.toml excludes {name}.{excluded[0]}, a part of its key; keep that column.")
    return key


def _cursor(name: str, columns: tuple[Column, ...], settings: TableSettings, default: str | None) -> str | None:
    if settings.cursor in {column.name for column in columns}:
        return settings.cursor
    if settings.cursor and settings.cursor != default:
        raise ConfigurationError(f"pipeline.toml names {name}.{settings.cursor} as cursor, which cannot be read there.")
    return None


def _mode(without_xmin: bool, full: bool, has_key: bool, cursor: str | None) -> str:
    """Return how changes are found: by horizon, by cursor and overlap (best effort), or by reading it whole."""
    if full or not has_key:
        return "full"
    if without_xmin:
        return "overlap" if cursor else "full"
    return "changes"
