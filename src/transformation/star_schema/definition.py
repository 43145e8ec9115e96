"""What each warehouse table must look like, derived from its model; nothing is written twice."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import duckdb

from transformation.star_schema.relations import Relation
from transformation.star_schema.select_list import Item, Reference, SelectList
from transformation.star_schema.sql import calendar_rows, from_clause
from transformation.star_schema.types import from_duckdb, spelled_out, to_duckdb, to_warehouse
from utils.errors import ModelError, SchemaDriftError
from utils.manifest import Reference as TableReference
from utils.manifest import WarehouseColumn, WarehouseTable
from utils.model import CALENDAR, VERSIONS, Lookup, Model
from utils.project import MAX_NAME_BYTES

SYSTEM_COLUMNS = {"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"}
# Types that no index can order, and by which so no row can be named.
UNORDERED = {"json", "jsonpath", "xml", "xid", "cid", "point", "line", "lseg", "box", "path", "polygon", "circle"}
HISTORY_NAMES = {"valid_from", "valid_to", "is_current"}


def check_references(model: Model, found: SelectList, relations: Mapping[str, Relation]) -> None:
    """Refuse a body that names a column which its relations do not have."""
    for reference in (*(r for item in found.items for r in item.references), *found.where_references):
        if reference.alias is None:
            holders = [alias for alias in relations if reference.column in relations[alias].types]
            if len(holders) > 1:
                both = " and ".join(sorted(holders))
                raise _at(
                    model,
                    reference,
                    ModelError,
                    f"reads {reference.column}, which {both} both have; write alias.column",
                )
        elif reference.column in relations[reference.alias].types:
            holders = [reference.alias]
        else:
            holders = []
        if not holders:
            where = f"{reference.alias or model.driving or CALENDAR}.{reference.column}"
            raise _at(model, reference, SchemaDriftError, f"needs {where}, which the source does not have (any more)")


def _at(model: Model, reference: Reference, kind: type[ModelError | SchemaDriftError], message: str) -> Exception:
    text = f"{model.path}:{reference.line}: {model.name} {message}. Change the model, or bring the column back."
    return kind(text, file=str(model.path), line=reference.line)


def resolve_reference(reference: Reference, relations: Mapping[str, Relation]) -> tuple[str, str]:
    """Return the alias and column that a reference means."""
    if reference.alias is not None:
        return reference.alias, reference.column
    return next(alias for alias, relation in relations.items() if reference.column in relation.types), reference.column


def typed(
    connection: duckdb.DuckDBPyConnection,
    model: Model,
    found: SelectList,
    lookups: Sequence[Lookup],
    relations: Mapping[str, Relation],
) -> tuple[dict[str, str], SelectList]:
    """Return the PostgreSQL type of each output column, and the items cast to what holds it.

    The cast is here and not left to the warehouse, where one value that does not fit would stop the batch.
    """
    rows = calendar_rows("2000-01-01", "2000-01-01") if model.kind == CALENDAR else None
    kinds = _described(connection, model, found, rows or from_clause(model, lookups, relations, lenient=False))
    declared = {name: spelled_out(kind) for name, kind in model.types}
    types = {
        item.name: declared.get(item.name) or _type(model, item, kinds[item.name], relations) for item in found.items
    }
    return types, replace(found, items=tuple(_cast(item, kinds[item.name], types[item.name]) for item in found.items))


def _described(
    connection: duckdb.DuckDBPyConnection, model: Model, found: SelectList, clause: str
) -> Mapping[str, str]:
    where = f" WHERE {found.where}" if found.where else ""
    try:
        described = connection.execute(f"DESCRIBE SELECT {found.columns} {clause}{where}").fetchall()
        of_none = connection.execute(f"SELECT {found.columns} {clause} WHERE false").fetchall()
    except duckdb.Error as error:
        reason = str(error).split("\n", maxsplit=1)[0]
        raise model.error(f"cannot be computed: {reason}", "SELECT") from error
    if of_none:  # only an aggregate makes a row of none; DuckDB's macros hide some
        raise model.error("aggregates rows; a batch holds changed rows, not all of them", "SELECT")
    return {name: kind for name, kind, *_ in described}


def _cast(item: Item, held: str, postgres: str) -> Item:
    wanted = to_duckdb(postgres)
    if wanted == held:
        return item
    return replace(item, expression=f"CAST({item.expression} AS {wanted})", bare=False)


def _type(model: Model, item: Item, duckdb_type: str, relations: Mapping[str, Relation]) -> str:
    if item.bare and relations:
        alias, column = resolve_reference(item.references[0], relations)
        return to_warehouse(relations[alias].postgres_types[column])
    kind = from_duckdb(duckdb_type)
    if kind is None:
        raise model.error(
            f"computes {item.name} as {duckdb_type}, which PostgreSQL lacks; CAST it to another type", item.name
        )
    return kind


def warehouse_table(model: Model, types: Mapping[str, str], models: Mapping[str, Model]) -> WarehouseTable:
    """Return the model's table, without files."""
    if unordered := [name for name in model.key if spelled_out(types[name]).removesuffix("[]") in UNORDERED]:
        message = f"has {unordered[0]} in its key, and PostgreSQL keeps no key of type {types[unordered[0]]}"
        raise model.error(f"{message}; CAST it to VARCHAR, or choose another key", unordered[0])
    needed = set(model.key) | set(types if model.tests.not_null == ("*",) else model.tests.not_null)
    return WarehouseTable(
        name=model.name,
        kind=model.kind,
        load=model.load,
        key=model.key,
        columns=tuple(WarehouseColumn(name, spelled_out(kind), name in needed) for name, kind in types.items()),
        references=tuple(
            TableReference(reference.columns, reference.table, models[reference.table].key)
            for reference in model.references
        ),
        unique=model.tests.unique,
        record_id=model.record_id,
        source=model.driving,
        history=model.history,
    )


def check_names(model: Model, columns: Sequence[str]) -> None:
    """Refuse a header that names a column which the model does not have."""
    folded = [name.lower() for name in columns]  # DuckDB ignores case, even in quotes
    if double := [name for name in columns if folded.count(name.lower()) > 1]:
        raise model.error(f"has two columns called {' and '.join(double)}; names that differ only in case count", "AS")
    if model.history == VERSIONS and (taken := sorted(HISTORY_NAMES & {name.lower() for name in columns})):
        raise model.error(
            f"has a column {taken[0]}, which its history needs for itself; give it another name", taken[0]
        )
    _check_postgres_names(model, columns)
    tests = model.tests
    named = {
        "key": model.key,
        "not_null": () if tests.not_null == ("*",) else tests.not_null,
        "accepted": tuple(column for column, _ in tests.accepted),
        "range": tuple(column for column, _, _ in tests.range),
        "unique": tuple(column for columns in tests.unique for column in columns),
        "types": tuple(column for column, _ in model.types),
        "references": tuple(column for reference in model.references for column in reference.columns),
    }
    for where, names in named.items():
        if missing := [name for name in names if name not in columns]:
            raise model.error(f"names {missing[0]} in {where}, but has no such column", missing[0])


def _check_postgres_names(model: Model, columns: Sequence[str]) -> None:
    """Refuse names that PostgreSQL would cut, or keeps for its own columns, before any row is moved."""
    names = [model.name, *columns, *([model.record_id] if model.record_id else [])]
    names += [f"current_{model.name}"] if model.kind == "fact" else []
    names += [f"{model.name}_history"] if model.history == VERSIONS else []
    if long := [name for name in names if len(name.encode()) > MAX_NAME_BYTES]:
        raise model.error(f"needs the name {long[0]!r}, which is longer than {MAX_NAME_BYTES} bytes", long[0])
    if taken := [name for name in columns if name in SYSTEM_COLUMNS or name == model.record_id]:
        raise model.error(f"has a column {taken[0]}, which each such table has already; rename it", taken[0])
    if model.record_id and (model.record_id in SYSTEM_COLUMNS or model.record_id.startswith("_")):
        raise model.error(f"has a record_id {model.record_id}; a leading _ is kept for Starlift", "record_id")


def check_where(model: Model, found: SelectList, relations: Mapping[str, Relation]) -> None:
    """Refuse a WHERE from which it could not be told what is gone."""
    if found.where is None or model.load == "replace":
        return
    if model.kind == CALENDAR:
        raise model.error("is a calendar and so has every day; drop its WHERE", "WHERE")
    for item in found.items:
        plain = item.bare and resolve_reference(item.references[0], relations)[0] == model.alias
        if item.name in model.key and not plain:
            raise model.error(
                f"has a WHERE, so its key {item.name} must be a column of {model.driving} as it is; else it could not "
                "be told which rows are gone",
                "WHERE",
            )


def in_load_order(models: Iterable[Model]) -> list[Model]:
    """Return models so that what others reference comes first: calendars, dimensions, then facts."""
    waiting = sorted(models, key=lambda model: (("calendar", "dimension", "fact").index(model.kind), model.name))
    ordered: list[Model] = []
    while waiting:
        done = {model.name for model in ordered}
        ready = next((m for m in waiting if all(r.table in done or r.table == m.name for r in m.references)), None)
        if ready is None:
            raise waiting[0].error(
                "references a table that references it back; drop one of the references", "references"
            )
        ordered.append(ready)
        waiting.remove(ready)
    return ordered
