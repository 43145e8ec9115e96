"""Which statements turn the warehouse's tables into what the models say: create, add, widen, or refuse."""

from collections.abc import Iterator
from dataclasses import dataclass

from load.warehouse.catalogue import ExistingColumn, ExistingTable, view_name
from load.warehouse.layout import BATCH, CURRENT, DELETED, HISTORY, IS_CURRENT, SYSTEM, layout, system_columns
from utils.errors import SchemaDriftError
from utils.manifest import Reference, WarehouseColumn, WarehouseTable
from utils.postgres.column_types import widens
from utils.postgres.names import TableName, column_list, identifier, literal

MAX_NAME_BYTES = 63  # PostgreSQL cuts longer names without an error


@dataclass(frozen=True)
class Plan:
    """Statements for one table: before its rows are merged, and after, when keys and indexes are cheapest to make."""

    before: tuple[str, ...]
    after: tuple[str, ...]


def plan_changes(existing: ExistingTable | None, wanted: WarehouseTable, schema: str, batch: int) -> Plan:
    """Return the statements that make the existing table the wanted one without losing a value.

    Raises:
        SchemaDriftError: that would take more than creating, adding and widening.
    """
    _check_names(wanted)
    target = TableName(schema, wanted.name)
    if existing is None:
        return Plan(
            before=(_create_table(wanted, target),),
            after=(
                *_create_keys(wanted, target),
                *_add_references(wanted, wanted.references, schema),
                *view_statements(wanted, (), schema),
            ),
        )
    _check_shape(existing, wanted, target)
    widened = tuple(_widen_columns(existing, wanted, target))
    return Plan(
        before=(
            *(_drop_view(existing, wanted, schema) if widened else ()),
            *widened,
            *_add_columns(existing, wanted, target, batch),
            *_drop_references(existing, wanted, target),
        ),
        after=(
            *_add_references(wanted, _new_references(existing, wanted), schema),
            *_view_again(existing, wanted, schema, bool(widened)),
        ),
    )


def _check_names(wanted: WarehouseTable) -> None:
    names = [wanted.name, *(column.name for column in wanted.columns)]
    names += [view_name(wanted.name)] if layout(wanted) == "fact" else []
    names += [wanted.record_id] if wanted.record_id else []
    for name in names:
        if len(name.encode()) > MAX_NAME_BYTES:
            raise SchemaDriftError(
                f"{wanted.name} needs the name {name!r}, and PostgreSQL keeps only {MAX_NAME_BYTES} bytes of a name. "
                "Shorten it.",
                table=wanted.name,
            )


def _create_table(wanted: WarehouseTable, target: TableName) -> str:
    record_id = [f"{identifier(wanted.record_id)} bigserial"] if wanted.record_id else []
    columns = [_definition(column) + (" NOT NULL" if column.not_null else "") for column in wanted.columns]
    body = [*record_id, *columns, *(SYSTEM[name] for name in system_columns(wanted))]
    return f"CREATE TABLE {target.sql} (\n    " + ",\n    ".join(body) + "\n)"


def _definition(column: WarehouseColumn) -> str:
    return f"{identifier(column.name)} {column.type}"


def _create_keys(wanted: WarehouseTable, target: TableName) -> Iterator[str]:
    key, current = column_list(wanted.key), IS_CURRENT if layout(wanted) == HISTORY else CURRENT
    if current not in system_columns(wanted):
        if wanted.key:
            yield f"ALTER TABLE {target.sql} ADD PRIMARY KEY ({key})"
        return
    yield f"ALTER TABLE {target.sql} ADD PRIMARY KEY ({identifier(str(wanted.record_id))})"
    yield f"CREATE UNIQUE INDEX ON {target.sql} ({key}) WHERE {current}"
    yield f"CREATE UNIQUE INDEX ON {target.sql} ({key}, {BATCH})"


def _add_references(wanted: WarehouseTable, references: tuple[Reference, ...], schema: str) -> Iterator[str]:
    # Deferrable, because a parent with load = "replace" is for a moment empty.
    for reference in references:
        parent = TableName(schema, reference.table)
        yield (
            f"ALTER TABLE {TableName(schema, wanted.name).sql} ADD FOREIGN KEY ({column_list(reference.columns)}) "
            f"REFERENCES {parent.sql} ({column_list(reference.key)}) DEFERRABLE INITIALLY IMMEDIATE"
        )


def view_statements(wanted: WarehouseTable, order: tuple[str, ...], schema: str) -> Iterator[str]:
    """Yield the statement for the view of the latest versions; known columns keep their places in it."""
    if layout(wanted) != "fact":
        return
    names = (str(wanted.record_id), *(column.name for column in wanted.columns))
    ordered = (*order, *(name for name in names if name not in order))
    yield (
        f"CREATE OR REPLACE VIEW {TableName(schema, view_name(wanted.name)).sql} AS SELECT {column_list(ordered)} "
        f"FROM {TableName(schema, wanted.name).sql} WHERE {CURRENT} AND NOT {DELETED}"
    )


def _drop_view(existing: ExistingTable, wanted: WarehouseTable, schema: str) -> Iterator[str]:
    if existing.view:
        yield f"DROP VIEW {TableName(schema, view_name(wanted.name)).sql}"


def _view_again(existing: ExistingTable, wanted: WarehouseTable, schema: str, dropped: bool) -> Iterator[str]:
    names = {str(wanted.record_id), *(column.name for column in wanted.columns)}
    order = tuple(column.name for column in existing.view)
    if dropped or set(order) != names:
        yield from view_statements(wanted, () if set(order) - names else order, schema)
    if dropped and existing.view:
        view = TableName(schema, view_name(wanted.name)).sql
        yield from (f"GRANT {privilege} ON {view} TO {grantee}" for privilege, grantee in existing.view_grants)


def _check_shape(existing: ExistingTable, wanted: WarehouseTable, target: TableName) -> None:
    names = {column.name for column in existing.columns}
    system = {*system_columns(wanted), *([wanted.record_id] if wanted.record_id else [])}
    if missing := sorted(system - names):
        raise _drift(
            wanted,
            f"exists, but not as the {layout(wanted)} that Starlift makes: it lacks {', '.join(missing)}. "
            f"Move it away (ALTER TABLE {target.sql} RENAME TO ...), or set another warehouse_schema",
        )
    key = existing.current_key if layout(wanted) in {"fact", HISTORY} else existing.primary_key
    if key != wanted.key:
        raise _drift(
            wanted,
            f"has the key ({', '.join(key)}), and the model now says ({', '.join(wanted.key)}). Keep the model's key, "
            "or give the model a new name",
        )
    if lost := sorted(names - system - {column.name for column in wanted.columns}):
        raise _drift(
            wanted,
            f"has the column {lost[0]}, which the model no longer has. Put it back into the model, run once with "
            f"--rebuild {wanted.name}, or drop it: {_drop_column(wanted, lost[0], target)}",
        )


def _drop_column(wanted: WarehouseTable, column: str, target: TableName) -> str:
    view = TableName(target.schema, view_name(wanted.name))
    first = f"DROP VIEW {view.sql}; " if layout(wanted) == "fact" else ""
    return f"{first}ALTER TABLE {target.sql} DROP COLUMN {identifier(column)}"


def _drift(wanted: WarehouseTable, message: str) -> SchemaDriftError:
    return SchemaDriftError(f"The warehouse table {wanted.name} {message}.", table=wanted.name)


def _widen_columns(existing: ExistingTable, wanted: WarehouseTable, target: TableName) -> Iterator[str]:
    types = {column.name: column.type for column in existing.columns}
    for column in wanted.columns:
        old = types.get(column.name, column.type)
        if widens(column.type, old):  # what the warehouse has is wide enough
            continue
        alter = f"ALTER TABLE {target.sql} ALTER COLUMN {identifier(column.name)} TYPE {column.type}"
        if not widens(old, column.type):
            raise _drift(
                wanted,
                f"has {column.name} as {old}, and the model now says {column.type}. Only wider types are "
                "taken over by themselves: cast it in the model to what it was, set the new type in the header "
                f'([types] {column.name} = "{column.type}") and run once with --rebuild {wanted.name}, or convert '
                f"the warehouse's: {alter} USING ...",
            )
        yield alter


def _add_columns(existing: ExistingTable, wanted: WarehouseTable, target: TableName, batch: int) -> Iterator[str]:
    """Yield what adds new columns, nullable until they are filled, and lets go of what is no longer required."""
    known = {column.name: column for column in existing.columns}
    for column in wanted.columns:
        if column.name not in known:
            yield f"ALTER TABLE {target.sql} ADD COLUMN {_definition(column)}"
            note = literal(f"starlift: added in batch {batch}")
            yield f"COMMENT ON COLUMN {target.sql}.{identifier(column.name)} IS {note}"
        elif known[column.name].not_null and not column.not_null and column.name not in wanted.key:
            yield f"ALTER TABLE {target.sql} ALTER COLUMN {identifier(column.name)} DROP NOT NULL"


def columns_to_tighten(existing: ExistingTable | None, wanted: WarehouseTable) -> tuple[str, ...]:
    """Return the columns that the model never leaves null and the warehouse still allows to be."""
    if existing is None:
        return ()
    required = {column.name for column in existing.columns if column.not_null}
    return tuple(column.name for column in wanted.columns if column.not_null and column.name not in required)


def held_types(existing: ExistingTable | None, wanted: WarehouseTable) -> dict[str, str]:
    """Return the types that the model's columns have in the warehouse once the plan is carried out."""
    held = {column.name: column.type for column in existing.columns} if existing else {}
    types = {column.name: (held.get(column.name, column.type), column.type) for column in wanted.columns}
    return {name: old if widens(new, old) else new for name, (old, new) in types.items()}


def added_columns(existing: ExistingTable | None, wanted: WarehouseTable, batch: int) -> dict[str, int]:
    """Return the columns that older rows were written without, and the batch that added each."""
    if existing is None:
        return {}
    known: dict[str, ExistingColumn] = {column.name: column for column in existing.columns}
    marks = {column.name: known[column.name].added if column.name in known else batch for column in wanted.columns}
    return {name: added for name, added in marks.items() if added is not None}


def _new_references(existing: ExistingTable, wanted: WarehouseTable) -> tuple[Reference, ...]:
    known = {found.reference for found in existing.references}
    return tuple(reference for reference in wanted.references if reference not in known)


def _drop_references(existing: ExistingTable, wanted: WarehouseTable, target: TableName) -> Iterator[str]:
    """Yield what drops references of the model's own columns that it no longer declares."""
    for found in existing.references:
        if found.reference not in wanted.references:
            yield f"ALTER TABLE {target.sql} DROP CONSTRAINT {identifier(found.name)}"
