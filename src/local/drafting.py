"""Drafting a project from a live database's catalogue; every guess is commented where it is made."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import duckdb

from extraction.database import wiring
from extraction.database.catalogue import read_catalogue
from utils.errors import ConfigurationError
from utils.manifest import Column, SourceTable
from utils.postgres.connection import Connection
from utils.postgres.names import TableName, identifier
from utils.postgres.url import DatabaseUrl
from utils.project import Project, TableSettings

CURSORS = (
    "last_updated",
    "updated_at",
    "last_modified",
    "modified_at",
    "date_modified",
    "updated_on",
    "modified",
    "updated",
)
PLAIN = re.compile(r"[a-z][a-z0-9_]*\Z")
RELATIONS = """
    SELECT n.nspname AS schema, c.relname AS table, c.relkind IN ('v', 'm', 'f') AS is_view
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
      AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND NOT EXISTS (  -- belongs to an extension
          SELECT FROM pg_catalog.pg_depend d
          WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e'
      )
      AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
    ORDER BY 1, 2
"""


@dataclass(frozen=True)
class Relation:
    """A table or view that the role may read."""

    name: TableName
    is_view: bool


@dataclass(frozen=True)
class Draft:
    """The files of a drafted project, by their path in its folder."""

    files: Mapping[str, str]
    facts: tuple[str, ...]
    dimensions: tuple[str, ...]


def draft_project(name: str, source: DatabaseUrl) -> Draft:
    """Return a project over every table that the role may read."""
    with wiring.open_source(source) as connection:
        relations = read_relations(connection)
        schema = _main_schema(relations)
        tables = [
            relation for relation in relations if not relation.is_view and not relation.name.table.startswith("_")
        ]
        names = {_written(relation.name, schema): TableSettings() for relation in tables}
        catalogue = read_catalogue(connection, Project(folder=Path(), name=name, schema=schema, settings=names))
    if not catalogue:
        raise ConfigurationError(
            f"{source} has no table that {source.user} may read. Grant SELECT on the tables to move."
        )
    skipped = [_written(relation.name, schema) for relation in relations if relation not in tables]
    return draft(name, schema, catalogue, skipped)


def read_relations(connection: Connection) -> list[Relation]:
    """Return every table and view outside the system's schemas that the role may read."""
    return [Relation(TableName(row["schema"], row["table"]), row["is_view"]) for row in connection.rows(RELATIONS)]


def _main_schema(relations: Iterable[Relation]) -> str:
    counted = Counter(relation.name.schema for relation in relations if not relation.is_view)
    return counted.most_common(1)[0][0] if counted else "public"


def _written(name: TableName, schema: str) -> str:
    """Return the table's name as a project writes it, quoted where a dot or quote is part of it."""
    parts = [name.table] if name.schema == schema else [name.schema, name.table]
    return ".".join(identifier(part) if set(part) & set('."') else part for part in parts)


def draft(name: str, schema: str, catalogue: Mapping[str, SourceTable], skipped: Iterable[str]) -> Draft:
    """Return the drafted files; a pure function of the catalogue."""
    incoming = Counter(key.table for table in catalogue.values() for key in table.foreign_keys)
    facts = tuple(table for table in catalogue if _is_fact(catalogue[table], incoming[table]))
    models = {table: _model_name(table, "fact" if table in facts else "dim") for table in catalogue}
    references = _references(catalogue, set(facts))
    files = {"pipeline.toml": _pipeline(name, schema, catalogue, skipped)}
    for table, definition in catalogue.items():
        parents = {columns: models[parent] for columns, parent in references[table].items()}
        files[f"models/{models[table]}.sql"] = _model(definition, table in facts, parents)
    return Draft(files, facts, tuple(table for table in catalogue if table not in facts))


def _is_fact(table: SourceTable, incoming: int) -> bool:
    """Guess: a table that points at two others or more, and is pointed at less often, measures events."""
    return bool(table.primary_key) and len(table.foreign_keys) >= 2 and len(table.foreign_keys) > incoming


def _model_name(table: str, prefix: str) -> str:
    return f"{prefix}_{re.sub(r'[^A-Za-z0-9]+', '_', table).strip('_')}"


def _references(catalogue: Mapping[str, SourceTable], facts: set[str]) -> dict[str, dict[tuple[str, ...], str]]:
    """Return each table's foreign keys that lead to a dimension's key without closing a circle."""
    chosen: dict[str, dict[tuple[str, ...], str]] = {table: {} for table in catalogue}
    for table, definition in catalogue.items():
        for key in definition.foreign_keys:
            parent = catalogue.get(key.table)
            if parent is None or key.table in facts or key.key != parent.primary_key or not _names_kept(key.columns):
                continue
            if not _reaches(chosen, key.table, table):
                chosen[table][key.columns] = key.table
    return chosen


def _names_kept(columns: tuple[str, ...]) -> bool:
    return not any("," in column or column.startswith("_") for column in columns)


def _reaches(chosen: Mapping[str, Mapping[tuple[str, ...], str]], start: str, goal: str) -> bool:
    return start == goal or any(_reaches(chosen, parent, goal) for parent in chosen[start].values())


def _pipeline(name: str, schema: str, catalogue: Mapping[str, SourceTable], skipped: Iterable[str]) -> str:
    cursors = {table: _cursor(definition) for table, definition in catalogue.items()}
    usual = Counter(cursor for cursor in cursors.values() if cursor).most_common(1)
    lines = [f"name = {_quoted(name)}", f"schema = {_quoted(schema)}  # tables elsewhere are written schema.table"]
    if usual:
        lines += [
            "# Guessed from the column names. It only feeds the audit of late rows: changes are found by xmin.",
            f"cursor = {_quoted(usual[0][0])}",
        ]
    lines += [
        "",
        "# To keep a column out of S3 and the warehouse:",
        "# [tables.customer]",
        '# exclude = ["card_number"]',
    ]
    lines += [f"# Left out: {table} (a view, or a name that begins with _)." for table in skipped]
    for table, cursor in cursors.items():
        if cursor and usual and cursor != usual[0][0]:
            lines += ["", f"[tables.{_quoted(table)}]", f"cursor = {_quoted(cursor)}"]
    return "\n".join(lines) + "\n"


def _cursor(table: SourceTable) -> str | None:
    stamps = {column.name.lower(): column.name for column in table.columns if column.type.startswith("timestamp")}
    return next((stamps[name] for name in CURSORS if name in stamps), None)


def _model(table: SourceTable, is_fact: bool, parents: Mapping[tuple[str, ...], str]) -> str:
    header = [f"kind = {_quoted('fact' if is_fact else 'dimension')}{_why(table, is_fact)}"]
    if table.primary_key:
        header.append(f"key = {_list(_output(name) for name in table.primary_key)}")
    else:
        header.append('load = "replace"  # the table has no primary key, so each change replaces it whole')
    header.append(f"driving = {_quoted(table.name)}")
    if parents:
        header += ["", "[references]"]
        header += [f"{_quoted(', '.join(columns))} = {_quoted(model)}" for columns, model in parents.items()]
    not_null = [_output(column.name) for column in table.columns if column.not_null]
    if not_null:
        header += ["", "[tests]", f"not_null = {_list(not_null)}"]
    columns = ",\n".join(f"    {_item(column)}" for column in table.columns)
    return "/*\n" + "\n".join(header) + f"\n*/\nSELECT\n{columns}\n"


def _why(table: SourceTable, is_fact: bool) -> str:
    if is_fact:
        return f"  # guessed: it points at {len(table.foreign_keys)} tables; every version of a row is kept"
    return "  # guessed: it describes what others point at; the latest version is kept"


def _item(column: Column) -> str:
    output = _output(column.name)
    return _sql(column.name) + ("" if output == column.name else f" AS {_sql(output)}")


def _output(name: str) -> str:
    """Return the warehouse column's name; a leading underscore is Starlift's own."""
    return name.lstrip("_") or "column" if name.startswith("_") else name


def _sql(name: str) -> str:
    return name if PLAIN.match(name) and name not in _reserved() else identifier(name)


@cache
def _reserved() -> frozenset[str]:
    rows = duckdb.execute(
        "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category <> 'unreserved'"
    ).fetchall()
    return frozenset(name for (name,) in rows)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _list(names: Iterable[str]) -> str:
    return f"[{', '.join(map(_quoted, names))}]"
