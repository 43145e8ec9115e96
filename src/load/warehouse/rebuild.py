"""A table computed anew beside the old one, and put in its place in one transaction."""

import contextlib
import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace

from load.warehouse import definitions, ledger, schema
from load.warehouse.batch import fetched, merge_tables
from load.warehouse.catalogue import view_name
from load.warehouse.layout import history_name, layout
from load.warehouse.ports import Ports
from load.warehouse.session import lock_warehouse
from load.warehouse.tables import named_drift
from utils.errors import WarehouseBusyError
from utils.manifest import ProcessedManifest, WarehouseTable
from utils.model import VERSIONS
from utils.postgres.names import TableName, column_list, identifier
from utils.postgres.session import Session, transaction

logger = logging.getLogger(__name__)

LOCK = "SELECT pg_try_advisory_lock(hashtextextended('starlift rebuild ' || :name, 0))"
UNLOCK = "SELECT pg_advisory_unlock(hashtextextended('starlift rebuild ' || :name, 0))"
EXISTS = "SELECT to_regclass(:name) IS NOT NULL"
REFERRING = """
SELECT conrelid::regclass::text AS referring, conname AS name, pg_get_constraintdef(oid) AS definition
FROM pg_catalog.pg_constraint WHERE contype = 'f' AND confrelid = CAST(:name AS regclass) AND conrelid <> confrelid
"""
GRANTS = """
SELECT a.privilege_type AS privilege, a.is_grantable,
       CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END AS grantee
FROM pg_catalog.pg_class c CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) a
WHERE c.oid = CAST(:name AS regclass) AND a.grantee <> c.relowner
"""
# What belongs to the table bears its first name: indexes and constraints of one name go together.
INDEXES = """
SELECT i.relname AS name FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
WHERE x.indrelid = CAST(:name AS regclass)
"""
KEYS = "SELECT conname AS name FROM pg_catalog.pg_constraint WHERE contype = 'f' AND conrelid = CAST(:name AS regclass)"
SEQUENCES = """
SELECT s.relname AS name FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S'
WHERE d.refobjid = CAST(:name AS regclass) AND d.deptype = 'a'
"""
SEEN_BEFORE = """
UPDATE starlift.quarantine n SET first_seen = o.first_seen FROM starlift.quarantine o
WHERE n.model = :shadow AND o.model = :model AND (n.key, n.content) = (o.key, o.content)
"""
SHARED_COLUMNS = """
SELECT o.attname AS name FROM pg_catalog.pg_attribute o JOIN pg_catalog.pg_attribute n USING (attname, atttypid)
WHERE o.attrelid = CAST(:old AS regclass) AND n.attrelid = CAST(:new AS regclass) AND o.attnum > 0 AND n.attnum > 0
  AND NOT o.attisdropped AND attname <> '_deleted'
"""
COUNT_ASIDE = "SELECT count(*) FROM starlift.quarantine WHERE model = :shadow"
FORGET_ASIDE = "DELETE FROM starlift.quarantine WHERE model = :model"
TAKE_ASIDE = """
UPDATE starlift.quarantine SET model = :model, reason = replace(reason, :shadow, :model) WHERE model = :shadow
"""
MAX_NAME = 60  # characters; a longer name is cut by PostgreSQL, where it may meet another


@dataclass(frozen=True)
class Shadow:
    """The table that a model is rebuilt in, under a name of its own."""

    model: str

    @property
    def name(self) -> str:
        """The shadow's name, as short for the longest model as for any."""
        return f"_rebuild_{hashlib.sha256(self.model.encode()).hexdigest()[:16]}"

    def of(self, table: WarehouseTable) -> WarehouseTable:
        """Return the model's table as its shadow; a reference to itself is one to the shadow."""
        references = (replace(ref, table=self.name) if ref.table == self.model else ref for ref in table.references)
        return replace(table, name=self.name, references=tuple(references))


@contextlib.contextmanager
def only_one(session: Session, shadow: Shadow) -> Iterator[None]:
    """Keep a second rebuild of the same model out until the session ends or the block does."""
    if not session.value(LOCK, name=shadow.model):
        raise WarehouseBusyError(f"Another rebuild of {shadow.model} is at work; wait for it to end.")
    yield
    session.run(UNLOCK, name=shadow.model)


def discard(ports: Ports, shadow: Shadow) -> None:
    """Remove what an earlier rebuild of the model left behind."""
    session = ports.warehouse
    with transaction(session, ports.lock_seconds):
        ledger.create_tables(session)
        for name in (history_name(shadow.name), shadow.name):
            session.run(f"DROP TABLE IF EXISTS {TableName(ports.schema, name).sql} CASCADE")
        session.run("DELETE FROM starlift.quarantine WHERE model = :name", name=shadow.name)


def merge_into(ports: Ports, shadow: Shadow, manifest: ProcessedManifest) -> int:
    """Merge what one batch holds of the model into its shadow, and return how many rows that wrote."""
    of_shadow = replace(manifest, tables=tuple(shadow.of(table) for table in manifest.tables))
    session = ports.warehouse
    with fetched(of_shadow, ports) as batch, transaction(session, ports.lock_seconds):
        every = frozenset(table.source for table in of_shadow.tables if table.source)
        merged = merge_tables(
            session, replace(batch, accepted_deletes=every), ports.schema, _taken_at(session, manifest)
        )
    return sum(counts.loaded + counts.deleted for counts in merged.counts.values())


def _taken_at(session: Session, manifest: ProcessedManifest) -> str:
    """Return the batch's time as the ledger has it, so that a history is rebuilt with the same one."""
    found = session.value("SELECT taken_at::text FROM starlift.ledger WHERE batch = :batch", batch=manifest.number)
    return str(found or manifest.snapshot.taken_at)


def swap(ports: Ports, shadow: Shadow, table: WarehouseTable, through: int) -> int:
    """Put the shadow in the table's place, unless batches after `through` were loaded; return the ledger's last.

    One transaction: a reader sees the old table or the new one, and what kept it from happening changes nothing.
    """
    session = ports.warehouse
    with transaction(session, ports.lock_seconds), named_drift(table.name):
        lock_warehouse(session, ports.schema)
        last = ledger.read_last(session)
        if last is None or last.batch > through:
            return last.batch if last else 0
        if layout(table) == "dimension":
            _keep_members(session, table, TableName(ports.schema, shadow.name), TableName(ports.schema, table.name))
        view = tuple(schema.view_statements(table, (), ports.schema))
        _replace(session, TableName(ports.schema, table.name), TableName(ports.schema, shadow.name), view)
        if table.history == VERSIONS:
            old, new = (TableName(ports.schema, history_name(name)) for name in (table.name, shadow.name))
            _replace(session, old, new, ())
        definitions.remember(session, [table], [table.name], last.batch)
        if fresh := _take_quarantine(session, table.name, shadow.name):
            # Before the commit: a crash between the two then tells it twice, and not never.
            logger.critical("new rows in quarantine", extra={"batch": last.batch, "tables": {table.name: fresh}})
    return last.batch


def _keep_members(session: Session, table: WarehouseTable, new: TableName, old: TableName) -> None:
    """Mark as deleted, as every load does, what the new table lacks of the old: facts may refer to it."""
    if not _exists(session, old):
        return
    shared = [row["name"] for row in session.rows(SHARED_COLUMNS, old=old.sql, new=new.sql)]
    if set(table.key) <= set(shared):
        columns = column_list(tuple(shared))
        session.run(
            f"INSERT INTO {new.sql} ({columns}, _deleted) SELECT {columns}, true FROM {old.sql} ON CONFLICT DO NOTHING"
        )


def _take_quarantine(session: Session, model: str, shadow: str) -> int:
    """Put what the rebuild set aside in place of what the model had, and return how much of it is new."""
    aside = int(session.value(COUNT_ASIDE, shadow=shadow))
    session.run(SEEN_BEFORE, shadow=shadow, model=model)
    known = int(session.row_count)
    session.run(FORGET_ASIDE, model=model)
    session.run(TAKE_ASIDE, shadow=shadow, model=model)
    return aside - known


def _replace(session: Session, old: TableName, new: TableName, view: tuple[str, ...]) -> None:
    """Drop a table for another that takes over its name, its rights, and the references to it."""
    old_view, new_view = (TableName(name.schema, view_name(name.table)) for name in (old, new))
    rights = [*_grants(session, old), *_grants(session, old_view)] if view else _grants(session, old)
    referring = session.rows(REFERRING, name=old.sql) if _exists(session, old) else []
    for key in referring:
        session.run(f"ALTER TABLE {key['referring']} DROP CONSTRAINT {identifier(key['name'])}")
    for name in (old_view, new_view):
        session.run(f"DROP VIEW IF EXISTS {name.sql}")
    session.run(f"DROP TABLE IF EXISTS {old.sql}")
    session.run(f"ALTER TABLE {new.sql} RENAME TO {identifier(old.table)}")
    _rename_parts(session, old, new.table)
    for statement in (*view, *rights):
        session.run(statement)
    for key in referring:
        definition = f"ALTER TABLE {key['referring']} ADD CONSTRAINT {identifier(key['name'])} {key['definition']}"
        session.run(definition)


def _exists(session: Session, name: TableName) -> bool:
    return session.value(EXISTS, name=name.sql) is True


def _grants(session: Session, name: TableName) -> list[str]:
    """Return the statements that give a table the rights that the one of its name has now."""
    if not _exists(session, name):
        return []
    option = {True: " WITH GRANT OPTION", False: ""}
    return [
        f"GRANT {grant['privilege']} ON {name.sql} TO {grant['grantee']}{option[grant['is_grantable']]}"
        for grant in session.rows(GRANTS, name=name.sql)
    ]


def _rename_parts(session: Session, table: TableName, shadow: str) -> None:
    """Give what belongs to the table the names that it would have had from the start."""
    kinds = (("INDEX", INDEXES), ("SEQUENCE", SEQUENCES), ("CONSTRAINT", KEYS))
    for kind, query in kinds:
        for name in [row["name"] for row in session.rows(query, name=table.sql)]:
            wanted = identifier(name.replace(shadow, table.table, 1)[:MAX_NAME])
            if kind == "CONSTRAINT":
                session.run(f"ALTER TABLE {table.sql} RENAME CONSTRAINT {identifier(name)} TO {wanted}")
            else:
                session.run(f"ALTER {kind} {TableName(table.schema, name).sql} RENAME TO {wanted}")
