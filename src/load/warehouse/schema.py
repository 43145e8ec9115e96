"""The warehouse's tables: derived from what each batch says they must look like, and only ever widened."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from load.warehouse.ports import Session
from utils.errors import SchemaDriftError
from utils.manifest import WarehouseTable
from utils.postgres.names import TableName, column_list, identifier

COLUMNS = """
SELECT a.attname AS name, pg_catalog.format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS not_null
FROM pg_catalog.pg_attribute a
WHERE a.attrelid = pg_catalog.to_regclass(:table) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
"""
SYSTEM = {
    "fact": ("_batch bigint NOT NULL", "_current boolean NOT NULL", "_deleted boolean NOT NULL"),
    "dimension": ("_batch bigint NOT NULL", "_deleted boolean NOT NULL"),
    "calendar": ("_batch bigint NOT NULL", "_deleted boolean NOT NULL"),
}
WIDER = {
    "smallint": ("integer", "bigint", "numeric"),
    "integer": ("bigint", "numeric"),
    "bigint": ("numeric",),
    "real": ("double precision",),
    "character varying": ("text",),
}
WHOLE_DIGITS = {"smallint": 5, "integer": 10, "bigint": 19}
_NUMERIC = re.compile(r"numeric\((\d+),(\d+)\)\Z")
_LIMITED = re.compile(r"character varying\(\d+\)\Z")
NO_EQUALITY = {"json", "xml", "point", "box", "polygon", "line", "lseg", "path", "circle"}


@dataclass(frozen=True)
class Target:
    """A warehouse table as this batch found it."""

    table: WarehouseTable
    name: TableName
    types: Mapping[str, str]  # of the wanted columns, as PostgreSQL writes them
    is_new: bool
    added: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The model's columns."""
        return tuple(column.name for column in self.table.columns)

    def differs(self, left: str, right: str, columns: Iterable[str] | None = None) -> str:
        """Return the condition that two rows differ in any column, compared one by one."""
        names = [name for name in (self.columns if columns is None else columns) if name not in self.table.key]
        pairs = (f"{self.comparable(left, name)} IS DISTINCT FROM {self.comparable(right, name)}" for name in names)
        return " OR ".join(pairs) or "false"

    def comparable(self, alias: str, name: str) -> str:
        """Return a value in a form that has equality."""
        text = "::text" if self.types[name] in NO_EQUALITY else ""
        return f"{alias}.{identifier(name)}{text}"

    def same_key(self, left: str, right: str) -> str:
        """Return the condition that two rows have the same key."""
        return " AND ".join(f"{left}.{identifier(name)} = {right}.{identifier(name)}" for name in self.table.key)


def read_columns(session: Session, table: str) -> list[dict[str, object]]:
    """Return a table's columns with their types, none when it does not exist."""
    return session.rows(COLUMNS, table=table)


def prepare(session: Session, table: WarehouseTable, name: TableName, wanted: Mapping[str, str]) -> Target:
    """Make the table able to hold the batch's rows, or raise SchemaDriftError; keys come when it is filled."""
    found = {str(row["name"]): row for row in read_columns(session, name.sql)}
    if not found:
        session.run(create_table(table, name))
        return Target(table, name, wanted, is_new=True)
    existing = {column: str(row["type"]) for column, row in found.items()}
    added, widened = compare(table, existing, wanted)
    if (added or widened) and table.kind == "fact":
        session.run(f"DROP VIEW IF EXISTS {current_view(name).sql}")
    for column in added:
        session.run(f"ALTER TABLE {name.sql} ADD COLUMN {identifier(column)} {wanted[column]}")
    for column in widened:
        session.run(f"ALTER TABLE {name.sql} ALTER COLUMN {identifier(column)} TYPE {wanted[column]}")
    for relaxed in (column.name for column in table.columns if not column.not_null):
        if relaxed in found and found[relaxed]["not_null"]:
            session.run(f"ALTER TABLE {name.sql} ALTER COLUMN {identifier(relaxed)} DROP NOT NULL")
    if (added or widened) and table.kind == "fact":
        session.run(create_current_view(table, name))
    return Target(table, name, wanted, is_new=False, added=tuple(added))


def compare(
    table: WarehouseTable, existing: Mapping[str, str], wanted: Mapping[str, str]
) -> tuple[list[str], list[str]]:
    """Return the columns to add and those to widen; anything else stops the load."""
    own = {name for name in existing if name.startswith("_")} | {table.record_id}
    if lost := [name for name in existing if name not in wanted and name not in own]:
        raise SchemaDriftError(
            f"The warehouse's {table.name} has a column {lost[0]} that its model no longer has. Bring it back, or drop "
            f"it yourself: ALTER TABLE {table.name} DROP COLUMN {lost[0]}.",
            table=table.name,
        )
    changed = [name for name, kind in wanted.items() if name in existing and existing[name] != kind]
    for name in changed:
        if not widens(existing[name], wanted[name]):
            raise SchemaDriftError(
                f"{table.name}.{name} is {existing[name]} in the warehouse and {wanted[name]} in the model. Only wider "
                "types are taken over by themselves; CAST it in the model, or change the table yourself.",
                table=table.name,
            )
    return [name for name in wanted if name not in existing], changed


def widens(old: str, new: str) -> bool:
    """Tell whether every value of the old type is one of the new."""
    if new in WIDER.get(old, ()) or (_LIMITED.match(old) and new in {"text", "character varying"}):
        return True
    was, now = _digits(old), _digits(new)
    if was is None:
        return False
    if new == "numeric":
        return True
    return now is not None and "numeric" in new and now[0] >= was[0] and now[1] >= was[1]


def _digits(kind: str) -> tuple[int, int] | None:
    """Return how many digits before and after the point a type holds."""
    if found := _NUMERIC.match(kind):
        precision, scale = int(found.group(1)), int(found.group(2))
        return precision - scale, scale
    return (WHOLE_DIGITS[kind], 0) if kind in WHOLE_DIGITS else None


def create_table(table: WarehouseTable, name: TableName) -> str:
    """Return the statement that creates a table without its keys."""
    columns = [
        f"{identifier(column.name)} {column.type}{' NOT NULL' if column.not_null else ''}" for column in table.columns
    ]
    serial = [f"{identifier(table.record_id)} bigserial NOT NULL"] if table.record_id else []
    system = ("_batch bigint NOT NULL",) if table.load == "replace" else SYSTEM[table.kind]
    return f"CREATE TABLE {name.sql} ({', '.join([*serial, *columns, *system])})"


def finish(session: Session, target: Target) -> None:
    """Add what a new table still lacks once it is filled: building keys over rows is faster than row by row."""
    for statement in key_statements(target) if target.is_new else added_statements(session, target):
        session.run(statement)


def key_statements(target: Target) -> list[str]:
    """Return the keys, indexes, foreign keys and view of a new table."""
    table, name = target.table, target.name
    if table.load == "replace":
        return []
    key = column_list(table.key)
    if table.kind != "fact":
        return [f"ALTER TABLE {name.sql} ADD PRIMARY KEY ({key})", *_foreign_keys(target)]
    return [
        f"ALTER TABLE {name.sql} ADD PRIMARY KEY ({identifier(str(table.record_id))})",
        f"CREATE UNIQUE INDEX ON {name.sql} ({key}) WHERE _current",
        f"CREATE UNIQUE INDEX ON {name.sql} ({key}, _batch)",
        *_foreign_keys(target),
        create_current_view(table, name),
    ]


def _foreign_keys(target: Target) -> list[str]:
    return [
        f"ALTER TABLE {target.name.sql} ADD FOREIGN KEY ({column_list(reference.columns)}) "
        f"REFERENCES {TableName(target.name.schema, reference.table).sql} ({column_list(reference.key)})"
        for reference in target.table.references
    ]


def added_statements(session: Session, target: Target) -> list[str]:
    """Return NOT NULL for added columns that must have a value and by now have one in every row."""
    needed = {column.name for column in target.table.columns if column.not_null}
    return [
        f"ALTER TABLE {target.name.sql} ALTER COLUMN {identifier(name)} SET NOT NULL"
        for name in target.added
        if name in needed
        and not session.value(f"SELECT EXISTS (SELECT FROM {target.name.sql} WHERE {identifier(name)} IS NULL)")
    ]


def current_view(name: TableName) -> TableName:
    """Return the view of a fact's current rows."""
    return TableName(name.schema, f"current_{name.table}")


def create_current_view(table: WarehouseTable, name: TableName) -> str:
    """Return the statement for the view of a fact's current rows."""
    columns = column_list((str(table.record_id), *(column.name for column in table.columns)))
    return f"CREATE VIEW {current_view(name).sql} AS SELECT {columns} FROM {name.sql} WHERE _current AND NOT _deleted"
