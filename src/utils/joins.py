"""The join tree of a model: which columns its lookups join by, once the source's catalogue is known."""

from collections.abc import Mapping
from dataclasses import replace

from utils.manifest import ForeignKey, SourceTable
from utils.model import Lookup, Model


def resolve_lookups(model: Model, tables: Mapping[str, SourceTable]) -> tuple[Lookup, ...]:
    """Return the model's lookups with `on` and `key` filled from the source's foreign keys.

    Raises:
        ModelError: a table is missing, no single foreign key leads to it, or the key is not unique there.
    """
    if model.driving and model.driving not in tables:
        raise model.error(f"is driven by {model.driving}, which the source does not have", "driving")
    known: dict[str, str | None] = {model.alias: model.driving}
    resolved = []
    for lookup in model.lookups:
        resolved.append(_resolve(model, lookup, known[lookup.parent], tables))
        known[lookup.alias] = lookup.table
    return tuple(resolved)


def _resolve(model: Model, lookup: Lookup, parent: str | None, tables: Mapping[str, SourceTable]) -> Lookup:
    if lookup.table is None:  # a lookup file, which is checked for unique keys when it is read
        _check_columns(model, lookup, parent, tables)
        return lookup
    table = tables.get(lookup.table)
    if table is None:
        raise model.error(f"looks up {lookup.table}, which the source does not have", lookup.alias)
    found = lookup if lookup.on and lookup.key else _by_foreign_key(model, lookup, parent, tables)
    if not any(set(unique) <= set(found.key) for unique in table.unique_keys):
        raise model.error(
            f"looks up {lookup.table} by {', '.join(found.key)}, which is not unique there; a lookup finds at most "
            "one row",
            lookup.alias,
        )
    _check_columns(model, found, parent, tables)
    return found


def _by_foreign_key(model: Model, lookup: Lookup, parent: str | None, tables: Mapping[str, SourceTable]) -> Lookup:
    keys = tables[parent].foreign_keys if parent else ()
    fitting = [key for key in keys if key.table == lookup.table and lookup.on in ((), key.columns)]
    if len(fitting) == 1:
        return replace(lookup, on=fitting[0].columns, key=_ordered(lookup, fitting[0]))
    primary = tables[str(lookup.table)].primary_key
    if lookup.on and len(primary) == len(lookup.on):
        return replace(lookup, key=lookup.key or primary)
    count = "no foreign key leads" if not fitting else f"{len(fitting)} foreign keys lead"
    raise model.error(
        f"looks up {lookup.alias}, but {count} from {parent or lookup.parent} to {lookup.table}; say which columns: "
        f"{lookup.alias} = {{ on = [...], key = [...] }}",
        lookup.alias,
    )


def _ordered(lookup: Lookup, key: ForeignKey) -> tuple[str, ...]:
    return lookup.key or key.key


def _check_columns(model: Model, lookup: Lookup, parent: str | None, tables: Mapping[str, SourceTable]) -> None:
    for table, columns in ((parent, lookup.on), (lookup.table, lookup.key)):
        if table is None:
            continue
        missing = set(columns) - {column.name for column in tables[table].columns}
        if missing:
            raise model.error(
                f"joins {lookup.alias} by {table}.{min(missing)}, which {table} does not have", lookup.alias
            )
