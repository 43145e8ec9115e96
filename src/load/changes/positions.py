"""How far each key has come: the last change applied to it, remembered after its row is gone.

A series, one tenant's table, stands in `starlift.applied_series` and has a short number; each of its keys has a row in
`starlift.applied_changes`. What a resync has brought to one version needs no rows: the series' floor covers it.
"""

from collections.abc import Iterable, Sequence

from load.changes.target import Target
from utils.errors import ChangeRefusedError
from utils.export_table import ExportTable
from utils.postgres.column_types import FLOATS
from utils.postgres.session import Session

CREATE_SERIES = """
CREATE TABLE IF NOT EXISTS starlift.applied_series (
    series integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    export text NOT NULL,
    tenant text NOT NULL,
    floor bigint NOT NULL DEFAULT 0,
    UNIQUE (export, tenant)
)
"""
CREATE_CHANGES = """
CREATE TABLE IF NOT EXISTS starlift.applied_changes (
    version bigint NOT NULL,
    sequence bigint NOT NULL,
    series integer NOT NULL,
    deleted boolean NOT NULL,
    key text COLLATE "C" NOT NULL,
    PRIMARY KEY (series, key)
)
"""
ARE_THERE = "SELECT to_regclass('starlift.applied_series') IS NOT NULL"
LOCK_CREATION = "SELECT pg_advisory_xact_lock(hashtextextended('starlift changes', 0))"
FIND = """
SELECT s.series, s.export, s.tenant FROM starlift.applied_series s
JOIN unnest(CAST(:exports AS text[]), CAST(:tenants AS text[])) AS named (export, tenant) USING (export, tenant)
"""
ADD = """
INSERT INTO starlift.applied_series (export, tenant)
SELECT export, tenant FROM unnest(CAST(:exports AS text[]), CAST(:tenants AS text[])) AS named (export, tenant)
ORDER BY export, tenant ON CONFLICT DO NOTHING
"""
OTHERS = "SELECT min(tenant) FROM starlift.applied_series WHERE export = :export AND tenant <> :tenant"
LOCK_ONE = "SELECT pg_advisory_xact_lock{shared}(hashtextextended('starlift changes ' || series, 0))"
LOCK = f"{LOCK_ONE} FROM (SELECT unnest(CAST(:series AS integer[])) AS series ORDER BY 1) s"
NEWER = "(a.version, NOT a.deleted, a.sequence) < (excluded.version, NOT excluded.deleted, excluded.sequence)"
TWIN = "(a.version, a.deleted, excluded.deleted) = (excluded.version, false, false) AND a.sequence <> excluded.sequence"

Pair = tuple[str, str]
"""An export's name and a tenant."""


def lock_series(session: Session, pairs: Iterable[Pair], alone: bool = False) -> dict[Pair, int]:
    """Return the series' numbers, once nobody resyncs them; `alone`: once nobody applies changes to them either."""
    wanted = sorted(set(pairs))
    create_tables(session)
    found = _find(session, wanted)
    if missing := [pair for pair in wanted if pair not in found]:
        session.run(ADD, **_columns(missing))
        found = _find(session, wanted)
    session.run(LOCK.format(shared="" if alone else "_shared"), series=list(found.values()))
    return found


def _find(session: Session, pairs: list[Pair]) -> dict[Pair, int]:
    return {(row["export"], row["tenant"]): row["series"] for row in session.rows(FIND, **_columns(pairs))}


def _columns(pairs: list[Pair]) -> dict[str, list[str]]:
    return {"exports": [export for export, _ in pairs], "tenants": [tenant for _, tenant in pairs]}


def create_tables(session: Session) -> None:
    """Create what is missing; of several batches that are each the first, one does."""
    if session.value(ARE_THERE):
        return
    session.run(LOCK_CREATION)
    if not session.value("SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'starlift')"):
        session.run("CREATE SCHEMA IF NOT EXISTS starlift")
    session.run(CREATE_CHANGES)
    session.run(CREATE_SERIES)


def check_only_tenant(session: Session, table: ExportTable, tenant: str) -> None:
    """Refuse a second tenant of a target that cannot tell their rows apart."""
    if table.tenant_column is not None:
        return
    if other := session.value(OTHERS, export=table.name, tenant=tenant):
        raise ChangeRefusedError(
            f"Changes of {table.name} come from {tenant!r}, but {table.target.sql} holds the rows of {other!r} and "
            "has no tenant_column. Declare one, or, where the first tenant is no more, remove its row from "
            "starlift.applied_series."
        )


def key_text(target: Target, values: Sequence[str]) -> str:
    """Return the SQL of a row's key as one text, alike for all that the key's types call equal: 7 and 07, 1.0 and 1."""
    types = (target.bases[name] for name in target.table.key)
    texts = [_canonical(kind, value) for kind, value in zip(types, values, strict=True)]
    return (
        f'({texts[0]}) COLLATE "C"' if len(texts) == 1 else f'jsonb_build_array({", ".join(texts)})::text COLLATE "C"'
    )


def _canonical(kind: str, value: str) -> str:
    if kind.startswith("numeric") and not kind.endswith("[]"):
        return f"trim_scale({value})::text"
    return f"({value} + 0)::text" if kind in FLOATS else f"{value}::text"  # -0 is 0


def claim(session: Session, target: Target, staging: str, key_values: Sequence[str]) -> int:
    """Move keys on to their latest staged change, leave only the changes that did so staged, and return the others.

    Keys are taken in order, and stay locked until the end: two batches that share some wait for each other there, and
    never in a circle. Where one version both deletes a key and brings it, as when it spells 7 as 07 now, it is there.
    Where it brings both 7 and 07, one of two rows would be lost.
    """
    (found,) = session.rows(_claim_statement(staging, key_text(target, key_values)))
    if found["twins"]:
        raise ChangeRefusedError(
            f"Two rows of one export have a key that {target.name} calls equal. Let the types of "
            f"{', '.join(target.table.key)} there tell them apart, or the source, and resync the table."
        )
    return int(found["skipped"])


def _claim_statement(staging: str, key: str) -> str:
    staged = f"{staging} s JOIN starlift.applied_series f ON f.series = s.series AND s.version > f.floor"
    return f"""
    WITH latest AS MATERIALIZED (
        SELECT DISTINCT ON (s.series, {key}) s.series, {key} AS key, s.version, s.sequence, s.deleted, s.place
        FROM {staged} ORDER BY s.series, {key}, s.version DESC, s.deleted, s.sequence DESC
    ), claimed AS (
        INSERT INTO starlift.applied_changes AS a (series, key, version, sequence, deleted)
        SELECT series, key, version, sequence, deleted FROM latest ORDER BY series, key
        ON CONFLICT (series, key) DO UPDATE
        SET version = excluded.version, deleted = excluded.deleted,
            sequence = CASE WHEN {TWIN} THEN 0 ELSE excluded.sequence END WHERE {NEWER} OR {TWIN}
        RETURNING series, key, sequence
    ), skipped AS (
        DELETE FROM {staging} s
        WHERE NOT EXISTS (SELECT FROM latest l JOIN claimed c USING (series, key) WHERE l.place = s.place)
        RETURNING true
    )
    SELECT (SELECT count(*) FROM skipped) AS skipped,
           EXISTS (SELECT FROM claimed WHERE sequence = 0) OR EXISTS (
               SELECT FROM {staged} WHERE NOT s.deleted
               GROUP BY s.series, {key}, s.version HAVING min(s.sequence) < max(s.sequence)
           ) AS twins
    """
