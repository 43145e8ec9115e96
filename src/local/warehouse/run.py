"""One run of the three stages in this process: how Starlift works from cron on one machine."""

import tempfile
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from extraction.database import pipeline as extraction
from extraction.database import wiring as extraction_wiring
from load.warehouse import pipeline as load
from load.warehouse import wiring as load_wiring
from transformation.star_schema import pipeline as transformation
from transformation.star_schema import wiring as transformation_wiring
from utils import log
from utils.deadline import no_deadline
from utils.open_store import below, open_store
from utils.postgres.url import DatabaseUrl
from utils.project import Project
from utils.store import ObjectStore

Answer = Mapping[str, Any]
COUNTS = ("extracted", "context", "late", "transformed", "loaded", "skipped", "deleted", "quarantined")


@dataclass(frozen=True)
class Job:
    """One project, the two databases and the store between them."""

    project: Project
    source: DatabaseUrl
    warehouse: DatabaseUrl
    store: str  # a folder, or s3://bucket/prefix

    @property
    def landing(self) -> ObjectStore:
        """The half of the store that holds CSVs."""
        return open_store(below(self.store, "landing"))

    @property
    def processed(self) -> ObjectStore:
        """The half of the store that holds Parquet."""
        return open_store(below(self.store, "processed"))


@dataclass(frozen=True)
class RunReport:
    """What one run did; `tables` holds COUNTS by source table and by warehouse table."""

    run_id: str
    batch: int | None  # None when nothing had changed
    tables: Mapping[str, Mapping[str, int]]
    audit: Mapping[str, float]  # how far the run had to look back, and what only that found


@dataclass(frozen=True)
class Request:
    """What one run is to do beyond the usual; tables are source tables."""

    resync: bool = False  # read everything whole
    backfill: tuple[str, ...] = ()  # tables to read whole
    accept_deletes: tuple[str, ...] = ()  # tables of which any number of rows may be gone
    compare_keys: tuple[str, ...] = ()  # tables whose deleted rows to look for, whatever pipeline.toml says
    rows: Mapping[str, tuple[Mapping[str, str], ...]] = field(default_factory=dict)  # to read again: key texts by table


USUAL = Request()


def run_once(job: Job, request: Request = USUAL) -> RunReport:
    """Extract what changed, then transform and load every batch that waits."""
    now = datetime.now(UTC)
    run = extraction.Run(
        run_id=f"local-{now:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}",
        started_at=now,
        token=uuid.uuid4().hex[:8],
        resync=request.resync,
        backfill=request.backfill,
        compare_keys=request.compare_keys,
        rows=request.rows,
    )
    log.bind(run_id=run.run_id)
    extracted = _extract(job, run)
    with tempfile.TemporaryDirectory(prefix="starlift-") as scratch:
        transformed = _transform(job, run.run_id, Path(scratch))
        loaded = _load(job, run.run_id, Path(scratch), frozenset(request.accept_deletes))
    return report(run.run_id, job.project, [extracted, transformed, loaded])


def _extract(job: Job, run: extraction.Run) -> Answer:
    with extraction_wiring.open_ports(job.project, job.source, job.landing, job.processed) as ports:
        return extraction.summary(run.run_id, extraction.extract_batch(run, ports))


def _transform(job: Job, run_id: str, scratch: Path) -> Answer:
    with transformation_wiring.open_ports(job.project, job.landing, job.processed, scratch) as ports:
        return transformation.transform_pending(run_id, ports, no_deadline)


def _load(job: Job, run_id: str, scratch: Path, accepted_deletes: frozenset[str]) -> Answer:
    with load_wiring.open_ports(job.project, job.warehouse, job.processed, scratch, accepted_deletes) as ports:
        return load.load_pending(run_id, ports, no_deadline)


def report(run_id: str, project: Project, answers: list[Answer]) -> RunReport:
    """Gather the stages' answers into one count per table.

    Late rows are counted where they are loaded and shown for the table that they came from as well.
    """
    tables: dict[str, dict[str, int]] = {}
    for answer in answers:
        for name, counts in answer.get("tables", {}).items():
            entry = tables.setdefault(name, dict.fromkeys(COUNTS, 0))
            entry.update({count: counts[count] for count in COUNTS if count in counts})
    for model in project.models:
        if model.driving in tables and model.name in tables:
            source, loaded = tables[model.driving], tables[model.name]
            source["late"] = max(source["late"], loaded["late"])
    return RunReport(run_id, answers[0].get("batch"), tables, _audit(answers[0].get("audit", {}), tables))


def _audit(found: Mapping[str, float], tables: Mapping[str, Mapping[str, int]]) -> dict[str, float]:
    """Return the horizon's age beside the rows that only the horizon found and those read again for its sake."""
    loaded = [counts for counts in tables.values() if counts["transformed"] or counts["loaded"] or counts["skipped"]]
    return {
        **found,
        "late": sum(counts["late"] for counts in loaded),
        "read_again": sum(counts["skipped"] for counts in loaded),
    }
