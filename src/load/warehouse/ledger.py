"""The ledger: one row a loaded batch, written in the transaction that wrote the batch's rows."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from utils.errors import IntegrityError
from utils.manifest import ProcessedManifest
from utils.postgres.session import Session

SCHEMA = "starlift"
TICK = timedelta(microseconds=1)
CREATE_LEDGER = """
CREATE TABLE starlift.ledger (
    batch bigint PRIMARY KEY,
    attempt integer NOT NULL,
    landing_checksum text NOT NULL,
    predecessor text,
    run_id text NOT NULL,
    project text NOT NULL,
    base bigint NOT NULL,
    horizon numeric(20, 0) NOT NULL,
    next_xid numeric(20, 0) NOT NULL,
    system_identifier text NOT NULL,
    timeline bigint NOT NULL,
    taken_at timestamptz NOT NULL,
    loaded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    tables jsonb NOT NULL
)
"""
CREATE_QUARANTINE = """
CREATE TABLE starlift.quarantine (
    model text NOT NULL,
    key jsonb NOT NULL,
    content text NOT NULL,
    rule text NOT NULL,
    reason text NOT NULL,
    "row" jsonb NOT NULL,
    batch bigint NOT NULL,
    first_seen timestamptz NOT NULL DEFAULT clock_timestamp(),
    waiting boolean NOT NULL,
    PRIMARY KEY (model, key, content)
)
"""
CREATE_MODELS = """
CREATE TABLE starlift.models (
    model text PRIMARY KEY,
    definition text NOT NULL,
    built_batch bigint NOT NULL,
    built_at timestamptz NOT NULL DEFAULT clock_timestamp()
)
"""
INSERT = """
INSERT INTO starlift.ledger (
    batch, attempt, landing_checksum, predecessor, run_id, project, base, horizon, next_xid, system_identifier,
    timeline, taken_at, tables
) VALUES (
    :batch, :attempt, :landing, :predecessor, :run_id, :project, :base, CAST(:horizon AS numeric),
    CAST(:next_xid AS numeric), :system_identifier, :timeline, CAST(:taken_at AS timestamptz), CAST(:tables AS jsonb)
)
"""
READ = """
SELECT batch, attempt, landing_checksum, run_id, project, horizon::text AS horizon, taken_at::text AS taken_at,
       loaded_at::text AS loaded_at, tables
FROM starlift.ledger ORDER BY batch DESC LIMIT :count
"""

REMEDY = (
    "The store was emptied, swapped, edited or set back to an older copy, or this is another project's warehouse. "
    "Name the store that the warehouse was loaded from, or load into an empty database."
)
TABLES = {"ledger": CREATE_LEDGER, "quarantine": CREATE_QUARANTINE, "models": CREATE_MODELS}


@dataclass(frozen=True)
class LedgerRow:
    """One batch that the warehouse holds."""

    batch: int
    attempt: int
    landing_checksum: str
    run_id: str
    project: str
    horizon: str
    taken_at: str
    loaded_at: str
    tables: Mapping[str, Mapping[str, int]]


def exists(session: Session, table: str) -> bool:
    """Tell whether a table of the schema `starlift` is there."""
    return session.value("SELECT to_regclass(:name) IS NOT NULL", name=f"{SCHEMA}.{table}") is True


def read_recent(session: Session, count: int) -> list[LedgerRow]:
    """Return the newest batches that the warehouse holds, newest first; none when nothing was ever loaded."""
    if not exists(session, "ledger"):
        return []
    return [LedgerRow(**row) for row in session.rows(READ, count=count)]


def read_last(session: Session) -> LedgerRow | None:
    """Return the newest batch that the warehouse holds."""
    return next(iter(read_recent(session, 1)), None)


def create_tables(session: Session) -> None:
    """Create what is missing, and only that: a role without CREATE can load into a prepared database."""
    if not session.value("SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = :name)", name=SCHEMA):
        session.run(f"CREATE SCHEMA {SCHEMA}")
    for table, statement in TABLES.items():
        if not exists(session, table):
            session.run(statement)


def later(last: LedgerRow | None, taken_at: str) -> str:
    """Return a batch's time, moved on where the source's clock was put back: versions must not overlap."""
    if last is None:
        return taken_at
    return max(datetime.fromisoformat(taken_at), datetime.fromisoformat(last.taken_at) + TICK).isoformat()


def write(
    session: Session, manifest: ProcessedManifest, tables: Mapping[str, Mapping[str, int]], taken_at: str
) -> None:
    """Record that the batch's rows are in the warehouse."""
    snapshot = manifest.snapshot
    values: dict[str, Any] = {
        "batch": manifest.number,
        "attempt": manifest.attempt,
        "landing": manifest.landing,
        "predecessor": manifest.predecessor,
        "run_id": manifest.run_id,
        "project": manifest.project,
        "base": manifest.base,
        "horizon": str(snapshot.horizon),
        "next_xid": str(snapshot.next_xid),
        "system_identifier": snapshot.system_identifier,
        "timeline": snapshot.timeline,
        "taken_at": taken_at,
        "tables": json.dumps(tables),
    }
    session.run(INSERT, **values)


def check_not_behind(last: LedgerRow | None, newest: int, store: str) -> None:
    """Refuse a store that holds fewer batches than the warehouse."""
    if last and newest < last.batch:
        raise IntegrityError(
            f"{store} ends at batch {newest}, but the warehouse holds batch {last.batch} of project {last.project}. "
            f"{REMEDY}",
            batch=last.batch,
            newest=newest,
        )


def check_same(last: LedgerRow, manifest: ProcessedManifest, store: str) -> None:
    """Refuse a store whose batch of the ledger's newest number is another one, though there is nothing to load."""
    if manifest.landing != last.landing_checksum:
        raise IntegrityError(
            f"Batch {last.batch} in {store} is of project {manifest.project} and has checksum "
            f"{_short(manifest.landing)}, but the warehouse's batch {last.batch}, of project {last.project}, has "
            f"{_short(last.landing_checksum)}. {REMEDY}",
            batch=last.batch,
        )


def check_chain(last: LedgerRow | None, manifest: ProcessedManifest, store: str) -> None:
    """Refuse a batch that was not extracted right after the last one that the warehouse holds."""
    if last is None or manifest.predecessor == last.landing_checksum:
        return
    raise IntegrityError(
        f"Batch {manifest.number} in {store} follows a batch with checksum {_short(manifest.predecessor)}, but the "
        f"warehouse's last batch, {last.batch}, has {_short(last.landing_checksum)}. {REMEDY}",
        batch=manifest.number,
    )


def _short(checksum: str | None) -> str:
    return f"{checksum[:12]}..." if checksum else "none"
