"""Reading the source whole, and what is new in it, in one snapshot: what a comparison with the warehouse needs."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime

from extraction.database.plan import Start, plan_table
from extraction.database.ports import Ports
from extraction.database.reader import BatchReader
from extraction.database.run import Run
from extraction.database.wiring import open_view
from utils.batch_log import LandingLog, ProcessedLog
from utils.manifest import LandingManifest, Snapshot
from utils.postgres.url import DatabaseUrl
from utils.project import Project
from utils.store import ObjectStore


def extract_whole_and_pending(
    project: Project, source: DatabaseUrl, horizon: int | None, whole: ObjectStore, pending: ObjectStore
) -> tuple[LandingManifest, LandingManifest | None]:
    """Return every row of the source, and apart those written since a horizon, both as of the same moment."""
    with open_view(project, source) as view:
        everything = Start(number=1, predecessor=None, base=0, before={}, since=None)
        readings = [plan_table(table, everything, project) for table in view.tables().values()]
        first = BatchReader(_run(), _ports(project, source, whole), view)
        first.read(readings)
        manifest = _manifest(project, view.snapshot, first)
        if horizon is None:
            return manifest, None
        before = {name: replace(table, changed=()) for name, table in first.tables.items()}
        since = replace(view.snapshot, horizon=horizon)
        later = Start(number=1, predecessor=None, base=0, before=before, since=since)
        readings = [plan_table(replace(table, whole=False), later, project) for table in before.values()]
        second = BatchReader(_run(), _ports(project, source, pending), view)
        second.read(readings)
        return manifest, _manifest(project, view.snapshot, second)


def _run() -> Run:
    return Run("verify", datetime.now(UTC), uuid.uuid4().hex[:8])


def _ports(project: Project, source: DatabaseUrl, store: ObjectStore) -> Ports:
    return Ports(project, lambda: open_view(project, source), LandingLog(store), ProcessedLog(store))


def _manifest(project: Project, snapshot: Snapshot, reader: BatchReader) -> LandingManifest:
    return LandingManifest(
        number=1,
        run_id=reader.run.run_id,
        token=reader.run.token,
        started_at=reader.run.started_at.isoformat(),
        project=project.name,
        predecessor=None,
        base=1,
        snapshot=snapshot,
        tables=tuple(reader.tables.values()),
    )
