"""The tables that changes are applied to, as their database's catalogue tells: what a change needs must be there."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from utils.errors import SchemaDriftError
from utils.export_table import Deletes, ExportTable
from utils.postgres.column_types import overlooks
from utils.postgres.names import TableName, column_list, identifier
from utils.postgres.session import Session

DELETED_AT = "deleted_at"
NAMED = """
FROM unnest(CAST(:schemas AS text[]), CAST(:tables AS text[])) AS named (schema, name)
JOIN pg_catalog.pg_namespace n ON n.nspname = named.schema
JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = named.name AND c.relkind IN ('r', 'p')
"""
COLUMNS = f"""
SELECT named.schema, named.name, a.attname::text AS column, a.attgenerated::text AS generated,
       pg_catalog.format_type(a.atttypid, a.atttypmod) AS type, coalesce(NOT l.collisdeterministic, false) AS folds,
       (WITH RECURSIVE domains (type, modifier) AS (
            SELECT a.atttypid, a.atttypmod
            UNION ALL
            SELECT t.typbasetype, t.typtypmod FROM domains d JOIN pg_catalog.pg_type t ON t.oid = d.type
            WHERE t.typtype = 'd'
        )
        SELECT pg_catalog.format_type(d.type, d.modifier) FROM domains d JOIN pg_catalog.pg_type t ON t.oid = d.type
        WHERE t.typtype <> 'd') AS base
{NAMED} JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation
"""
KEYS = f"""
SELECT named.schema, named.name,
       (SELECT array_agg(a.attname::text)
        FROM unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (number, place)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number
        WHERE k.place <= i.indnkeyatts) AS columns
{NAMED} JOIN pg_catalog.pg_index i ON i.indrelid = c.oid
WHERE i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
"""
PARENTS = f"""
SELECT DISTINCT named.schema, named.name, pn.nspname::text AS parent_schema, p.relname::text AS parent_name
{NAMED} JOIN pg_catalog.pg_constraint f ON f.conrelid = c.oid AND f.contype = 'f'
JOIN pg_catalog.pg_class p ON p.oid = f.confrelid
JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
"""


@dataclass(frozen=True)
class Target:
    """One table that is there, with what the project says of it."""

    table: ExportTable
    types: Mapping[str, str]  # by column, as the server spells them
    bases: Mapping[str, str]  # the same, but of a domain the type that it stands on
    folds: frozenset[str]  # columns whose collation calls different texts equal
    generated: frozenset[str]  # columns that the server computes
    unique: frozenset[frozenset[str]]

    @property
    def name(self) -> str:
        """The table's name for SQL."""
        return self.table.target.sql

    @property
    def marks(self) -> bool:
        """Tell whether rows stay, marked, when they are deleted."""
        return self.table.deletes is Deletes.MARK

    @property
    def key(self) -> tuple[str, ...]:
        """The columns by which a row is found, the tenant's first."""
        tenant = self.table.tenant_column
        return (*([tenant] if tenant else []), *self.table.key)


def read_targets(session: Session, tables: Iterable[ExportTable]) -> dict[str, Target]:
    """Return the targets that are there, by the export's name."""
    wanted = list(tables)
    names = _names(table.target for table in wanted)
    columns, keys = session.rows(COLUMNS, **names), session.rows(KEYS, **names)
    found = {}
    for table in wanted:
        own = [row for row in columns if _is_of(row, table.target)]
        unique = frozenset(frozenset(row["columns"]) for row in keys if _is_of(row, table.target))
        if own:
            types, bases = ({row["column"]: row[what] for row in own} for what in ("type", "base"))
            folds, generated = (frozenset(row["column"] for row in own if row[what]) for what in ("folds", "generated"))
            found[table.name] = Target(table, types, bases, folds, generated, unique)
    return found


def parents_first(session: Session, targets: Iterable[Target]) -> list[str]:
    """Return the exports' names so that a row's parents come before it, where foreign keys run in no circle."""
    by_target = {target.table.target: target.table.name for target in targets}
    graph: dict[str, set[str]] = {name: set() for name in sorted(by_target.values())}
    for row in session.rows(PARENTS, **_names(by_target)):
        child, parent = (by_target.get(name) for name in _ends(row))
        if child and parent and child != parent:
            graph[child].add(parent)
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError:  # such keys are deferrable, or nobody could fill these tables
        return list(graph)


def _ends(row: Mapping[str, str]) -> tuple[TableName, TableName]:
    return TableName(row["schema"], row["name"]), TableName(row["parent_schema"], row["parent_name"])


def _names(names: Iterable[TableName]) -> dict[str, list[str]]:
    pairs = sorted({(name.schema, name.table) for name in names})
    return {"schemas": [schema for schema, _ in pairs], "tables": [table for _, table in pairs]}


def _is_of(row: Mapping[str, object], name: TableName) -> bool:
    return (row["schema"], row["name"]) == (name.schema, name.table)


def check_target(target: Target | None, table: ExportTable, columns: Sequence[str]) -> Target:
    """Return the target, or raise SchemaDriftError that says what it lacks and how it gets that."""
    if target is None:
        raise SchemaDriftError(
            f"{table.target.sql}, which changes of {table.name} go to, is not there. "
            f"Create it, with types of your choice: {create_statement(table, columns)}"
        )
    if missing := [name for name in _needed(table, columns) if name not in target.types]:
        raise SchemaDriftError(
            f"{target.name} lacks the column {missing[0]}. Add it, with a type of your choice: "
            f"{_add_statement(table, missing[0])}"
        )
    if computed := sorted(target.generated.intersection(columns)):
        raise SchemaDriftError(
            f"{target.name} computes its column {computed[0]}, so changes cannot bring it. Drop the expression there."
        )
    if frozenset(target.key) not in target.unique:
        raise SchemaDriftError(
            f"{target.name} has no unique key on {', '.join(target.key)}, by which its rows are found. Add it: "
            f"ALTER TABLE {target.name} ADD UNIQUE ({column_list(target.key)})"
        )
    _refuse_overlooking(target)
    return target


def _refuse_overlooking(target: Target) -> None:
    """Refuse a key of which a new spelling would delete the row: no text is the same for all values called equal."""
    for name in target.key:
        if name in target.folds or overlooks(target.bases[name]):
            raise SchemaDriftError(
                f"{target.name} has {name} in its key, whose type or collation ({target.types[name]}) calls values "
                "equal that are written differently. Give it a type, or a collation, that does not: "
                f'ALTER TABLE {target.name} ALTER {identifier(name)} TYPE text COLLATE "C"'
            )


def _needed(table: ExportTable, columns: Sequence[str]) -> list[str]:
    """Return the columns that the target must have; those that Starlift fills may not come from the export too."""
    own = [*([table.tenant_column] if table.tenant_column else [])]
    own += [DELETED_AT] if table.deletes is Deletes.MARK else []
    if taken := [name for name in own if name in columns]:
        raise SchemaDriftError(
            f"The export {table.name} has a column {taken[0]}, and so has what Starlift fills of {table.target.sql}. "
            "Rename it in the export, or change tenant_column or deletes."
        )
    return [*own, *table.key, *columns]


def _add_statement(table: ExportTable, column: str) -> str:
    kind = "timestamptz" if column == DELETED_AT and table.deletes is Deletes.MARK else "text"
    return f"ALTER TABLE {table.target.sql} ADD COLUMN {identifier(column)} {kind}"


def create_statement(table: ExportTable, columns: Sequence[str]) -> str:
    """Return a statement that creates a target: every column text, for an export has no types."""
    tenant = (table.tenant_column,) if table.tenant_column else ()
    key = (*tenant, *table.key)
    rest = [name for name in columns if name not in key]
    lines = [*(f"{identifier(name)} text" for name in (*key, *rest))]
    lines += [f"{identifier(DELETED_AT)} timestamptz"] if table.deletes is Deletes.MARK else []
    return f"CREATE TABLE {table.target.sql} ({', '.join(lines)}, PRIMARY KEY ({column_list(key)}))"
