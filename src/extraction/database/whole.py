"""Reading the source whole, and what is new in it, in one snapshot: what a comparison with the warehouse needs."""

import contextlib
import uuid
from dataclasses import replace
from datetime import UTC, datetime

from extraction.database.pipeline import Run, build_manifest, read_batch
from extraction.database.ports import Ports, SourceView
from extraction.database.start import FIRST, Start
from extraction.database.wiring import open_view
from utils.batch_log import LandingLog, ProcessedLog
from utils.manifest import LandingManifest
from utils.postgres.url import DatabaseUrl
from utils.project import Project
from utils.store import ObjectStore


def extract_whole_and_pending(
    project: Project, source: DatabaseUrl, horizon: int | None, whole: ObjectStore, pending: ObjectStore
) -> tuple[LandingManifest, LandingManifest | None]:
    """Return every row of the source, and apart those written since a horizon, both as of the same moment.

    The second is None when no row was written since, or when there is no horizon. Nothing is pending of tables
    without row versions to go by, such as views: they are taken to be as the last batch found them.
    """
    with open_view(project, source) as view:
        first = _read(project, FIRST, view, whole)
        if horizon is None:
            return first, None
        before = {table.name: table for table in first.tables}
        later = replace(FIRST, base=1, before=before, since=replace(view.snapshot, horizon=horizon))
        second = _read(project, later, view, pending)
        return first, second if any(table.files for table in second.tables) else None


def extract_whole(project: Project, source: DatabaseUrl, store: ObjectStore) -> LandingManifest:
    """Return every row of what the project reads, as a batch that no log names."""
    with open_view(project, source) as view:
        return _read(project, FIRST, view, store)


def _read(project: Project, start: Start, view: SourceView, store: ObjectStore) -> LandingManifest:
    run = Run("verify", datetime.now(UTC), uuid.uuid4().hex[:8])
    ports = Ports(project, lambda: contextlib.nullcontext(view), LandingLog(store), ProcessedLog(store))
    reader, _ = read_batch(run, start, view, ports)
    return build_manifest(run, start, view.snapshot, reader)
