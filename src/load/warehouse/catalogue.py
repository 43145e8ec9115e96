"""What the warehouse holds already: its tables, columns, keys and views, as its catalogue tells."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from utils.manifest import Reference
from utils.postgres.session import Session

COLUMNS = """
SELECT c.relname::text AS relation, a.attname::text AS name,
       pg_catalog.format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS not_null,
       pg_catalog.col_description(c.oid, a.attnum) AS note
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname = :schema AND c.relname = ANY (CAST(:names AS text[])) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
ORDER BY c.relname, a.attnum
"""
KEYS = """
SELECT c.relname::text AS relation, i.indpred IS NOT NULL AS partial,
       (SELECT array_agg(a.attname::text ORDER BY k.place)
        FROM unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (number, place)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number) AS columns
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = :schema AND c.relname = ANY (CAST(:names AS text[]))
  AND (i.indisprimary OR i.indisunique AND i.indpred IS NOT NULL)
"""
REFERENCES = """
SELECT c.relname::text AS relation, f.conname::text AS name, p.relname::text AS parent,
       (SELECT array_agg(a.attname::text ORDER BY k.place)
        FROM unnest(f.conkey) WITH ORDINALITY AS k (number, place)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.number) AS columns,
       (SELECT array_agg(a.attname::text ORDER BY k.place)
        FROM unnest(f.confkey) WITH ORDINALITY AS k (number, place)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k.number) AS key
FROM pg_catalog.pg_constraint f
JOIN pg_catalog.pg_class c ON c.oid = f.conrelid
JOIN pg_catalog.pg_class p ON p.oid = f.confrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE f.contype = 'f' AND n.nspname = :schema AND c.relname = ANY (CAST(:names AS text[]))
  AND p.relnamespace = c.relnamespace
"""
GRANTS = """
SELECT c.relname::text AS relation, a.privilege_type AS privilege,
       CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END
           AS grantee
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) a
WHERE n.nspname = :schema AND c.relname = ANY (CAST(:names AS text[])) AND c.relkind = 'v' AND a.grantee <> c.relowner
"""
ADDED = re.compile(r"^starlift: added in batch (\d+)$")


@dataclass(frozen=True)
class ExistingColumn:
    """A column that the warehouse has."""

    name: str
    type: str  # as the server spells it
    not_null: bool
    added: int | None = None  # the batch that added it to a table that had rows, until it is filled


@dataclass(frozen=True)
class ExistingReference:
    """A foreign key that the warehouse has."""

    name: str
    reference: Reference


@dataclass(frozen=True)
class ExistingTable:
    """A table that the warehouse has."""

    columns: tuple[ExistingColumn, ...]
    primary_key: tuple[str, ...] = ()
    current_key: tuple[str, ...] = ()  # of a fact: unique among its current versions
    references: tuple[ExistingReference, ...] = ()
    view: tuple[ExistingColumn, ...] = ()  # columns of its current_ view, none when there is no such view
    view_grants: tuple[tuple[str, str], ...] = ()  # privilege and grantee; a view made anew has lost them


def view_name(table: str) -> str:
    """Return the name of the view of a fact's latest versions."""
    return f"current_{table}"


def read_catalogue(session: Session, schema: str, tables: Sequence[str]) -> dict[str, ExistingTable]:
    """Return what the warehouse has of the named tables, by name; a table that is not there is left out."""
    names = [*tables, *map(view_name, tables)]
    columns: dict[str, list[ExistingColumn]] = {}
    for row in session.rows(COLUMNS, schema=schema, names=names):
        added = ADDED.match(row["note"] or "")
        columns.setdefault(row["relation"], []).append(
            ExistingColumn(row["name"], row["type"], row["not_null"], int(added.group(1)) if added else None)
        )
    keys = session.rows(KEYS, schema=schema, names=names)
    references = session.rows(REFERENCES, schema=schema, names=names)
    grants = session.rows(GRANTS, schema=schema, names=names)
    return {
        table: ExistingTable(
            columns=tuple(columns[table]),
            primary_key=_key(keys, table, partial=False),
            current_key=_key(keys, table, partial=True),
            references=tuple(_reference(row) for row in references if row["relation"] == table),
            view=tuple(columns.get(view_name(table), ())),
            view_grants=tuple(
                (row["privilege"], row["grantee"]) for row in grants if row["relation"] == view_name(table)
            ),
        )
        for table in tables
        if table in columns
    }


def _key(keys: list[dict[str, object]], table: str, partial: bool) -> tuple[str, ...]:
    found = (row["columns"] for row in keys if row["relation"] == table and row["partial"] is partial)
    return tuple(next(found, ()))  # type: ignore[arg-type]


def _reference(row: dict[str, object]) -> ExistingReference:
    columns, parent, key = row["columns"], row["parent"], row["key"]
    return ExistingReference(str(row["name"]), Reference(tuple(columns), str(parent), tuple(key)))  # type: ignore[arg-type]
