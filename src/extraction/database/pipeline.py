"""Extraction of one batch: every row written since the last one, and all that those rows join to."""

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from extraction.database.audit import audit, held_since
from extraction.database.plan import Reading, plan_table
from extraction.database.ports import Ports, SourceView
from extraction.database.reader import BatchReader
from extraction.database.rewound import check_rewound
from extraction.database.run import Run
from extraction.database.snapshot import check_continuity, needs_heartbeat
from extraction.database.start import Start, find_start
from utils.batch_log import LandingEntry
from utils.errors import ConfigurationError, IntegrityError
from utils.manifest import LandingManifest, Snapshot, SourceTable
from utils.project import Project

__all__ = ["Extraction", "Run", "build_manifest", "extract_batch", "read_batch", "summary"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Extraction:
    """What one run found: the batch, None when nothing had changed, and what it saw of the source."""

    manifest: LandingManifest | None
    snapshot: Snapshot


def extract_batch(run: Run, ports: Ports) -> Extraction:
    """Copy every changed row, then commit the batch's manifest, unless nothing had changed.

    The manifest is the commit point and the only state: it holds the horizon that the next run starts
    from. A run that dies before it leaves files that no manifest names; a retry that finds its own
    manifest returns it; of two runs that race for a number, one gets ManifestConflictError.
    """
    newest = _newest(ports)
    if newest and newest.manifest.run_id == run.run_id:
        return Extraction(newest.manifest, newest.manifest.snapshot)
    start = find_start(newest, run, ports)  # before the snapshot, which so can only be later than the newest batch's
    with ports.view() as view:
        reader, readings = read_batch(run, start, view, ports)
        snapshot = held_since(newest.manifest.snapshot if newest else None, view.snapshot)
        worth = _worth_a_batch(start, readings, reader, view)
    if not worth:
        _tell("nothing changed", snapshot, ports.project, {})
        return Extraction(None, snapshot)
    manifest = build_manifest(run, start, snapshot, reader)
    ports.landing.commit(manifest)
    rows = sum(file.rows for table in manifest.tables for file in table.files)
    fields = {"batch": manifest.number, "row_count": rows, "supersedes": manifest.supersedes}
    _tell("batch extracted", snapshot, ports.project, fields)
    return Extraction(manifest, snapshot)


def _newest(ports: Ports) -> LandingEntry | None:
    number = ports.landing.newest()
    if not number:
        return None
    entry = ports.landing.read(number)
    if entry.manifest.project != ports.project.name:
        raise IntegrityError(
            f"{ports.landing.store.url} holds batches of the project {entry.manifest.project}, and this is "
            f"{ports.project.name}. Give each project a store of its own; if it was only renamed, set "
            f"name = {json.dumps(entry.manifest.project)} in pipeline.toml."
        )
    return entry


def read_batch(run: Run, start: Start, view: SourceView, ports: Ports) -> tuple[BatchReader, list[Reading]]:
    """Copy the rows of one batch into the landing store; no manifest names them yet."""
    if start.since:
        check_continuity(start.since, view.snapshot)
        check_rewound(start, view.snapshot, ports.landing.store)
    tables = view.tables()
    _check_asked(run, tables)
    readings = [plan_table(table, start, ports.project) for table in tables.values()]
    reader = BatchReader(run, ports.project, ports.landing.store, view)
    reader.read(readings)
    reader.read_keys(start.compared)
    return reader, readings


def _check_asked(run: Run, tables: Mapping[str, SourceTable]) -> None:
    if unknown := sorted({*run.backfill, *run.compare_keys, *run.rows} - set(tables)):
        raise ConfigurationError(f"{unknown[0]!r} cannot be read again: the project tracks {', '.join(tables)}.")


def _worth_a_batch(start: Start, readings: list[Reading], reader: BatchReader, view: SourceView) -> bool:
    """Tell whether anything changed: rows, a definition, or only the time that a horizon may rest."""
    if reader.changed or start.since is None or start.supersedes:
        return True
    if any(table.whole or table.keys for table in reader.tables.values()) or any(
        found.definition_changed for found in readings
    ):
        return True
    no_longer_tracked = start.before.keys() - reader.tables.keys()
    return bool(no_longer_tracked) or needs_heartbeat(start.since, view.snapshot)


def build_manifest(run: Run, start: Start, snapshot: Snapshot, reader: BatchReader) -> LandingManifest:
    """Return the manifest that makes a batch of what was read, once it is committed."""
    tables = tuple(reader.tables.values())
    return LandingManifest(
        number=start.number,
        run_id=run.run_id,
        token=run.token,
        started_at=run.started_at.isoformat(),
        project=reader.project.name,
        predecessor=start.predecessor,
        base=start.number if all(table.whole for table in tables) else start.base,
        snapshot=snapshot,
        tables=tables,
        models=tuple(model.name for model in reader.project.models),
        supersedes=start.supersedes,
        paths=tuple(str(path) for path in reader.paths),
    )


def _tell(message: str, snapshot: Snapshot, project: Project, fields: Mapping[str, object]) -> None:
    """Log the run's outcome with its audit, and raise the alert for a transaction that has been open for too long."""
    found = asdict(audit(snapshot))
    logger.info(message, extra={**fields, "horizon": snapshot.horizon, **found})
    if found["horizon_age_seconds"] > project.max_horizon_age_seconds:
        logger.critical("horizon held back", extra={**found, "max_seconds": project.max_horizon_age_seconds})


def summary(run_id: str, found: Extraction) -> dict[str, Any]:
    """Return the stage's answer."""
    manifest = found.manifest
    tables = {table.name: _counts(table) for table in manifest.tables} if manifest else {}
    batch = manifest.number if manifest else None
    return {"run_id": run_id, "batch": batch, "tables": tables, "audit": asdict(audit(found.snapshot)), "more": False}


def _counts(table: SourceTable) -> dict[str, int]:
    unchanged = table.affected + table.context
    return {"extracted": sum(file.rows for file in table.changed), "context": sum(file.rows for file in unchanged)}
