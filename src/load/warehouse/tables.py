"""The warehouse's tables made ready for a batch, and finished once its rows are in them."""

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace

from pg8000.exceptions import DatabaseError

from load.warehouse import schema
from load.warehouse.catalogue import ExistingTable, read_catalogue
from load.warehouse.layout import history_of
from load.warehouse.session import named_duplicates
from load.warehouse.target import Target
from utils.errors import SchemaDriftError
from utils.manifest import ProcessedManifest, WarehouseTable
from utils.postgres.names import identifier
from utils.postgres.session import Session, sqlstate
from utils.postgres.type_names import spell_types

logger = logging.getLogger(__name__)

# An object in the way or in use, a reference that rows break: none of it passes by itself.
DRIFT = {"0A000", "2BP01", "42P07", "42710", "42830", "42804", "42809", "23503", "23502", "22003"}


@dataclass(frozen=True)
class Prepared:
    """One table as a batch finds it, able to hold the batch's rows, and what remains to be done afterwards."""

    target: Target
    after: tuple[str, ...]
    tighten: tuple[str, ...]  # columns that must not be null and may be so far


@dataclass(frozen=True)
class Catalogue:
    """What the warehouse has, and what the batch wants of it in the server's own words."""

    schema: str
    batch: int
    taken_at: str
    existing: dict[str, ExistingTable]
    wanted: tuple[WarehouseTable, ...]


def read_tables(session: Session, manifest: ProcessedManifest, schema_name: str, taken_at: str) -> Catalogue:
    """Return what the warehouse has of the batch's tables, and create their schema if it is missing."""
    if not session.value("SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = :name)", name=schema_name):
        session.run(f"CREATE SCHEMA {identifier(schema_name)}")
    types = sorted({column.type for table in manifest.tables for column in table.columns})
    spelled = spell_types(session, types)
    return Catalogue(
        schema_name,
        manifest.number,
        taken_at,
        read_catalogue(
            session,
            schema_name,
            [name for table in manifest.tables for name in (table.name, history_of(table).name)],
        ),
        tuple(_spelled(table, spelled) for table in manifest.tables),
    )


def _spelled(table: WarehouseTable, spelled: dict[str, str]) -> WarehouseTable:
    return replace(table, columns=tuple(replace(column, type=spelled[column.type]) for column in table.columns))


def prepare(session: Session, catalogue: Catalogue, place: int, wanted: WarehouseTable) -> Prepared:
    """Make one table able to hold the batch's rows; keys of a new one come when it is filled, which is faster."""
    existing = catalogue.existing.get(wanted.name)
    plan = schema.plan_changes(existing, wanted, catalogue.schema, catalogue.batch)
    with named_drift(wanted.name):
        for statement in plan.before:
            session.run(statement)
    target = Target(
        table=wanted,
        schema=catalogue.schema,
        place=place,
        batch=catalogue.batch,
        taken_at=catalogue.taken_at,
        types=schema.held_types(existing, wanted),
        is_new=existing is None,
        added=schema.added_columns(existing, wanted, catalogue.batch),
    )
    return Prepared(target, plan.after, schema.columns_to_tighten(existing, wanted))


def finish_table(session: Session, prepared: Prepared) -> None:
    """Add keys, references, the view, and NOT NULL where by now every row has a value."""
    target = prepared.target
    with named_duplicates(target.table.name), named_drift(target.table.name):
        for statement in prepared.after:
            session.run(statement)
        for column in prepared.tighten:
            _tighten(session, target, column)


def _tighten(session: Session, target: Target, column: str) -> None:
    """Require a value from now on; versions from before the column stay as they are, and so does the column."""
    name = identifier(column)
    if not session.value(f"SELECT EXISTS (SELECT FROM {target.name} WHERE {name} IS NULL)"):
        session.run(f"ALTER TABLE {target.name} ALTER COLUMN {name} SET NOT NULL")
        if column in target.added:
            session.run(f"COMMENT ON COLUMN {target.name}.{name} IS NULL")
    elif column not in target.added:
        logger.warning("column stays nullable", extra={"table": target.table.name, "column": column})


@contextlib.contextmanager
def named_drift(table: str) -> Iterator[None]:
    """Name what keeps a table from being changed."""
    try:
        yield
    except DatabaseError as error:
        if sqlstate(error) not in DRIFT:
            raise
        said = "; ".join(error.args[0][part] for part in ("M", "D") if part in error.args[0])
        raise SchemaDriftError(
            f"The warehouse table {table} cannot be changed as its model says: {said}. Remove or mend what is in the "
            "way, or change the model back.",
            table=table,
            hint=error.args[0].get("H"),
        ) from error
