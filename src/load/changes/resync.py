"""A target compared with a whole export, and mended: what the stream lost on its way comes back."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from load.changes import merge, positions, staging
from load.changes.refusals import refusals_named
from load.changes.staging import Staged
from load.changes.target import DELETED_AT, Target, check_target, read_targets
from utils.deletes import too_many_deletes
from utils.errors import IntegrityError, TooManyDeletesError
from utils.export_table import ExportTable
from utils.postgres.column_types import comparable
from utils.postgres.names import identifier, literal
from utils.postgres.session import Session, transaction

LAST = """
SELECT greatest(floor, (SELECT max(version) FROM starlift.applied_changes WHERE series = :series))
FROM starlift.applied_series WHERE series = :series
"""
FLOOR = "UPDATE starlift.applied_series SET floor = :version WHERE series = :series"
FORGET = "DELETE FROM starlift.applied_changes WHERE series = :series"


@dataclass(frozen=True)
class WholeExport:
    """The last export that succeeded, as rows for COPY."""

    table: ExportTable
    tenant: str
    order: int  # of its version
    columns: tuple[str, ...]
    blocks: Callable[[], AbstractContextManager[Iterable[bytes]]]


@dataclass(frozen=True)
class Difference:
    """How a target differs from an export, in rows."""

    rows: int  # of the export
    missing: int  # in the target
    different: int
    extra: int  # in the target only
    live: int  # of the target, before

    @property
    def is_none(self) -> bool:
        """Tell whether there is nothing to mend."""
        return not (self.missing or self.different or self.extra)


def resync(
    session: Session, export: WholeExport, mends: bool, accepts_deletes: bool, lock_seconds: float
) -> Difference:
    """Compare the target with the export and, if asked to, mend it, in one transaction.

    No change of the series is applied meanwhile. Afterwards the target is as this version has it, so the series'
    floor is there: changes up to this version, wherever they still wait, do nothing any more, and the positions of
    single keys are not needed.
    """
    with transaction(session, lock_seconds):
        session.run("SET CONSTRAINTS ALL DEFERRED")
        series = _lock(session, export)
        staged = _stage(session, export)
        found = _compare(session, staged, export)
        _refuse_too_many(found, staged.target, accepts_deletes)
        if mends:
            with refusals_named():
                _mend(session, staged, export)
            session.run(FLOOR, series=series, version=export.order)
            session.run(FORGET, series=series)
    return found


def _lock(session: Session, export: WholeExport) -> int:
    """Wait until nobody applies changes of the series, and return its number."""
    pair = (export.table.name, export.tenant)
    series = positions.lock_series(session, [pair], alone=True)[pair]
    last = session.value(LAST, series=series)
    if last > export.order:
        raise IntegrityError(
            f"The target holds changes of {export.tenant}/{export.table.name} up to order {last}, but the last export "
            f"that succeeded has {export.order}. If a later one is at work, resync once it has succeeded; if the "
            "registry was emptied, remove the series from starlift.applied_changes and starlift.applied_series first.",
        )
    return series


def _stage(session: Session, export: WholeExport) -> Staged:
    target = read_targets(session, [export.table]).get(export.table.name)
    staged = Staged(check_target(target, export.table, export.columns), export.columns, 0)
    positions.check_only_tenant(session, export.table, export.tenant)
    staging.create_staging(session, staged)
    session.run(f"ALTER TABLE {staged.name} ALTER deleted SET DEFAULT false{_tenant_default(staged, export.tenant)}")
    names = ", ".join(staged.as_staged[name] for name in export.columns)
    with refusals_named(list(staged.as_staged)), export.blocks() as blocks:
        session.copy_in(f"COPY {staged.name} ({names}) FROM STDIN (FORMAT csv)", blocks)
        session.run(
            f"CREATE UNIQUE INDEX ON {staged.name} ({', '.join(staged.as_staged[name] for name in staged.target.key)})"
        )
    session.run(f"ANALYZE {staged.name}")
    return staged


def _tenant_default(staged: Staged, tenant: str) -> str:
    column = staged.target.table.tenant_column
    return f", ALTER {staged.as_staged[column]} SET DEFAULT {literal(tenant)}" if column else ""


def _compare(session: Session, staged: Staged, export: WholeExport) -> Difference:
    target = staged.target
    there = _unused(target)
    live = f"t.{there}{f' AND t.{identifier(DELETED_AT)} IS NULL' if target.marks else ''}"
    (found,) = session.rows(
        f"""
        SELECT count(s.deleted) AS rows, count(*) FILTER (WHERE t.{there} IS NULL) AS missing,
               count(*) FILTER (WHERE s.deleted IS NOT NULL AND t.{there} AND ({_differs(staged)})) AS different,
               count(*) FILTER (WHERE s.deleted IS NULL AND {live}) AS extra, count(*) FILTER (WHERE {live}) AS live
        FROM (SELECT true AS {there}, t.* FROM {target.name} t WHERE {_own(target, export.tenant)}) t
        FULL JOIN {staged.name} s ON {merge.same_key(staged)}
        """
    )
    return Difference(**found)


def _unused(target: Target) -> str:
    """Return a name that no column of the target has."""
    name = "there"
    while name in target.types:
        name += "_"
    return name


def _own(target: Target, tenant: str) -> str:
    """Return the condition that a row of the target is the tenant's."""
    column = target.table.tenant_column
    return f"t.{identifier(column)} = {literal(tenant)}" if column else "true"


def _differs(staged: Staged) -> str:
    """Return the condition that a row of the target is not as the export has it, column by column."""
    target = staged.target
    pairs = [
        f"{comparable(name, target.bases[name], 't')} IS DISTINCT FROM "
        f"{comparable(staged.as_staged[name], target.bases[name], 's')}"
        for name in staged.columns
        if name not in target.key
    ]
    return " OR ".join([*pairs, *([f"t.{identifier(DELETED_AT)} IS NOT NULL"] if target.marks else [])]) or "false"


def _refuse_too_many(found: Difference, target: Target, accepts_deletes: bool) -> None:
    share = target.table.max_deleted_share
    if accepts_deletes or not too_many_deletes(found.extra, found.live, share):
        return
    raise TooManyDeletesError(
        f"{found.extra:,} of {found.live:,} rows of {target.name} are not in the export; max_deleted_share allows "
        f"{share:.0%} at once. If they are to go, resync with --accept-deletes.",
        table=target.table.name,
        deleted=found.extra,
    )


def _mend(session: Session, staged: Staged, export: WholeExport) -> None:
    """Take out what the export lacks, then write what differs: rows that are equal already are not touched."""
    target, marked = staged.target, identifier(DELETED_AT)
    extra = f"{_own(target, export.tenant)} AND NOT EXISTS (SELECT FROM {staged.name} s WHERE {merge.same_key(staged)})"
    if target.marks:
        session.run(f"UPDATE {target.name} t SET {marked} = now() WHERE t.{marked} IS NULL AND {extra}")
    else:
        session.run(f"DELETE FROM {target.name} t WHERE {extra}")
    session.run(
        f"DELETE FROM {staged.name} s USING {target.name} t WHERE {merge.same_key(staged)} AND NOT ({_differs(staged)})"
    )
    merge.upsert_rows(session, staged)
