"""Drafting a project from a live database's catalogue; every guess is commented where it is made."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain, count
from pathlib import Path

import duckdb

from extraction.database import wiring
from extraction.database.catalogue import read_catalogue, unusable_columns
from utils.errors import ConfigurationError
from utils.manifest import ForeignKey, SourceTable
from utils.postgres.connection import Connection
from utils.postgres.names import TableName, identifier
from utils.postgres.url import DatabaseUrl
from utils.project import Project, TableSettings

CURSORS = (
    *("last_updated", "updated_at", "last_modified", "modified_at"),
    *("date_modified", "updated_on", "modified", "updated"),
)
MAX_BYTES = 63 - len("_record_id")  # of a table's name, which other names are made from
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
        found = read_catalogue(connection, Project(folder=Path(), name=name, schema=schema, settings=names))
    catalogue = {name: table for name, table in found.items() if _is_usable(table)}
    if not catalogue:
        raise ConfigurationError(
            f"{source} has no table that {source.user} may read. Grant SELECT on the tables to move."
        )
    skipped = [name for name in (_written(relation.name, schema) for relation in relations) if name not in catalogue]
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
    models = _model_names(catalogue, set(facts))
    references = _references(catalogue, set(facts))
    files = {"pipeline.toml": _pipeline(name, schema, catalogue, skipped)}
    for table, definition in catalogue.items():
        parents = {columns: models[parent] for columns, parent in references[table].items()}
        files[f"models/{models[table]}.sql"] = _model(definition, table in facts, parents)
    return Draft(files, facts, tuple(table for table in catalogue if table not in facts))


def _is_fact(table: SourceTable, incoming: int) -> bool:
    """Guess: a table that points at two others or more, and is pointed at less often, measures events."""
    return bool(table.primary_key) and len(table.foreign_keys) >= 2 and len(table.foreign_keys) > incoming


def _model_names(tables: Iterable[str], facts: set[str]) -> dict[str, str]:
    names: dict[str, str] = {}
    for table in tables:
        words = re.sub(r"[\W_]+", "_", table).strip("_") or "table"
        names[table] = _free(f"{'fact' if table in facts else 'dim'}_{words}", names.values())
    return names


def _free(name: str, taken: Iterable[str]) -> str:
    """Return the name, cut to what PostgreSQL keeps, and numbered where another is like it but for case."""
    folded, endings = {other.lower() for other in taken}, chain([""], (f"_{number}" for number in count(2)))
    cut = (name.encode()[: MAX_BYTES - len(ending)].decode(errors="ignore") + ending for ending in endings)
    return next(found for found in cut if found.lower() not in folded)


def _references(catalogue: Mapping[str, SourceTable], facts: set[str]) -> dict[str, dict[tuple[str, ...], str]]:
    """Return each table's foreign keys that lead to a dimension's key without closing a circle."""
    chosen: dict[str, dict[tuple[str, ...], str]] = {table: {} for table in catalogue}
    for table, definition in catalogue.items():
        for key in definition.foreign_keys:
            parent = catalogue.get(key.table)
            if (
                parent is None
                or key.table in facts
                or key.key != parent.primary_key
                or not _names_kept(key, definition)
            ):
                continue
            if not _reaches(chosen, key.table, table):
                chosen[table][key.columns] = key.table
    return chosen


def _names_kept(key: ForeignKey, table: SourceTable) -> bool:
    outputs = _outputs(table)
    return all("," not in column and outputs.get(column) == column for column in key.columns)


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
    lines += [f"# Left out: {_quoted(table)} (a view, without columns, or named with _ first)." for table in skipped]
    for table, cursor in cursors.items():
        own = [f"cursor = {_quoted(cursor)}"] if cursor and usual and cursor != usual[0][0] else []
        if unusable := unusable_columns(catalogue[table]):
            own += [f"exclude = {_list(unusable)}  # but for case like another's name, or one kept for Starlift"]
        lines += ["", f"[tables.{_quoted(table)}]", *own] if own else []
    return "\n".join(lines) + "\n"


def _cursor(table: SourceTable) -> str | None:
    stamps = {column.name.lower(): column.name for column in table.columns if column.type.startswith("timestamp")}
    return next((stamps[name] for name in CURSORS if name in stamps), None)


def _model(table: SourceTable, is_fact: bool, parents: Mapping[tuple[str, ...], str]) -> str:
    outputs = _outputs(table)
    header = [f"kind = {_quoted('fact' if is_fact else 'dimension')}{_why(table, is_fact)}"]
    if table.primary_key:
        header.append(f"key = {_list(outputs[name] for name in table.primary_key)}")
    else:
        header.append('load = "replace"  # the table has no primary key, so each change replaces it whole')
    header.append(f"driving = {_quoted(table.name)}")
    if parents:
        header += ["", "[references]"]
        header += [f"{_quoted(', '.join(columns))} = {_quoted(model)}" for columns, model in parents.items()]
    not_null = [outputs[column.name] for column in table.columns if column.not_null and column.name in outputs]
    if not_null:
        header += ["", "[tests]", f"not_null = {_list(not_null)}"]
    columns = ",\n".join(f"    {_item(*pair)}" for pair in outputs.items())
    return "/*\n" + "\n".join(header) + f"\n*/\nSELECT\n{columns}\n"


def _why(table: SourceTable, is_fact: bool) -> str:
    if is_fact:
        return f"  # guessed: it points at {len(table.foreign_keys)} tables; every version of a row is kept"
    return "  # guessed: it describes what others point at; the latest version is kept"


def _item(column: str, output: str) -> str:
    return _sql(column) + ("" if output == column else f" AS {_sql(output)}")


def _is_usable(table: SourceTable) -> bool:
    return bool(table.columns) and not set(table.primary_key) & set(unusable_columns(table))


def _outputs(table: SourceTable) -> dict[str, str]:
    """Return the warehouse's name of each column that is moved; a leading underscore is Starlift's own."""
    unusable = unusable_columns(table)
    names = [column.name for column in table.columns if column.name not in unusable]
    outputs = {name: name for name in names if not name.startswith("_")}
    for name in names:
        if name.startswith("_"):
            outputs[name] = _free(name.lstrip("_") or "column", outputs.values())
    return {name: outputs[name] for name in names}


def _sql(name: str) -> str:
    return name if PLAIN.match(name) and name not in _reserved() else identifier(name)


@cache
def _reserved() -> frozenset[str]:
    rows = duckdb.execute(
        "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category <> 'unreserved'"
    ).fetchall()
    return frozenset(name for (name,) in rows)


def _quoted(text: str) -> str:
    """Return a TOML string that neither ends the comment around a header nor holds what TOML refuses."""
    return json.dumps(text, ensure_ascii=False).replace("*/", "*\\u002F").replace("\x7f", "\\u007F")


def _list(names: Iterable[str]) -> str:
    return f"[{', '.join(map(_quoted, names))}]"
