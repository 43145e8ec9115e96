"""Extraction of one batch: every row written since the last one, and all that those rows join to."""

import logging
from typing import Any

from extraction.database.plan import Reading, Start, plan_table
from extraction.database.ports import Ports, SourceView
from extraction.database.reader import BatchReader
from extraction.database.run import Run
from extraction.database.snapshot import check_continuity, needs_heartbeat
from utils.batch_log import LandingEntry
from utils.manifest import LandingManifest, Snapshot, SourceTable

__all__ = ["Run", "extract_batch", "summary"]

logger = logging.getLogger(__name__)


def extract_batch(run: Run, ports: Ports) -> LandingManifest | None:
    """Copy every changed row, then commit the batch's manifest; return None when nothing had changed.

    The manifest is the commit point and the only state: it holds the horizon that the next run starts
    from. A run that dies before it leaves files that no manifest names; a retry that finds its own
    manifest returns it; of two runs that race for a number, one gets ManifestConflictError.
    """
    newest = _newest(ports)
    if newest and newest.manifest.run_id == run.run_id:
        return newest.manifest
    start = _start(newest, run, ports)
    with ports.view() as view:
        if start.since:
            check_continuity(start.since, view.snapshot)
        readings = [plan_table(table, start, ports.project) for table in view.tables().values()]
        reader = BatchReader(run, ports, view)
        reader.read(readings)
        if not _worth_a_batch(start, readings, reader, view):
            logger.info("nothing changed", extra={"horizon": view.snapshot.horizon})
            return None
        manifest = _manifest(run, start, ports.project.name, view.snapshot, reader)
    ports.landing.commit(manifest)
    _tell(manifest)
    return manifest


def _newest(ports: Ports) -> LandingEntry | None:
    number = ports.landing.newest()
    return ports.landing.read(number) if number else None


def _start(newest: LandingEntry | None, run: Run, ports: Ports) -> Start:
    """Return where this batch begins: after the newest one, or before a pending one whose files were lost."""
    if newest is None:
        return Start(number=1, predecessor=None, base=0, before={}, since=None)
    manifest = newest.manifest
    lost = _lost_batches(manifest.number, ports)
    since = _snapshot_before(lost, manifest, ports)
    return Start(
        number=manifest.number + 1,
        predecessor=newest.checksum,
        base=manifest.base,
        before={table.name: table for table in manifest.tables},
        since=None if run.resync else since,
        whole=frozenset(run.backfill) | {table.name for entry in lost for table in entry.tables if table.whole},
        supersedes=tuple(entry.number for entry in lost),
    )


def _lost_batches(newest: int, ports: Ports) -> list[LandingManifest]:
    """Return the batches still to be transformed whose files are gone, oldest first."""
    pending = (ports.landing.read(number).manifest for number in range(ports.processed.newest() + 1, newest + 1))
    manifests = list(pending)
    superseded = {number for manifest in manifests for number in manifest.supersedes}
    return [
        manifest
        for manifest in manifests
        if manifest.number not in superseded
        and not all(ports.landing.store.exists(file.key) for table in manifest.tables for file in table.files)
    ]


def _snapshot_before(lost: list[LandingManifest], newest: LandingManifest, ports: Ports) -> Snapshot | None:
    if not lost:
        return newest.snapshot
    logger.warning("batch superseded", extra={"batches": [manifest.number for manifest in lost]})
    oldest = lost[0].number
    return ports.landing.read(oldest - 1).manifest.snapshot if oldest > 1 else None


def _worth_a_batch(start: Start, readings: list[Reading], reader: BatchReader, view: SourceView) -> bool:
    """Tell whether anything changed: rows, a definition, or only the time that a horizon may rest."""
    if reader.changed or start.since is None or start.supersedes:
        return True
    if any(reading.definition_changed or reading.table.whole for reading in readings):
        return True
    no_longer_tracked = start.before.keys() - {reading.table.name for reading in readings}
    return bool(no_longer_tracked) or needs_heartbeat(start.since, view.snapshot)


def _manifest(run: Run, start: Start, project: str, snapshot: Snapshot, reader: BatchReader) -> LandingManifest:
    tables = tuple(reader.tables.values())
    return LandingManifest(
        number=start.number,
        run_id=run.run_id,
        token=run.token,
        started_at=run.started_at.isoformat(),
        project=project,
        predecessor=start.predecessor,
        base=start.number if all(table.whole for table in tables) else start.base,
        snapshot=snapshot,
        tables=tables,
        supersedes=start.supersedes,
    )


def _tell(manifest: LandingManifest) -> None:
    rows = sum(file.rows for table in manifest.tables for file in table.files)
    behind = manifest.snapshot.next_xid - manifest.snapshot.horizon
    extra = {"batch": manifest.number, "row_count": rows, "horizon_transactions_behind": behind}
    logger.info("batch extracted", extra=extra)


def summary(run_id: str, manifest: LandingManifest | None) -> dict[str, Any]:
    """Return the stage's answer."""
    tables = {table.name: _counts(table) for table in manifest.tables} if manifest else {}
    return {"run_id": run_id, "batch": manifest.number if manifest else None, "tables": tables, "more": False}


def _counts(table: SourceTable) -> dict[str, int]:
    unchanged = table.affected + table.context
    return {"extracted": sum(file.rows for file in table.changed), "context": sum(file.rows for file in unchanged)}
