"""Transformation: every landed batch that waits, oldest first, into star-schema Parquet."""

import logging
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformation.star_schema.ports import Ports
from utils.batch_log import LandingEntry
from utils.deadline import Deadline, Stopwatch
from utils.errors import IntegrityError, ObjectMissingError
from utils.manifest import LandingManifest, ProcessedManifest, SourceTable, WarehouseTable
from utils.paths import carries
from utils.store import DataFile, fetch_checked, file_blocks

if TYPE_CHECKING:
    from transformation.star_schema.build import Built
    from transformation.star_schema.calendar import Range
    from transformation.star_schema.engine import Engine, Plan

logger = logging.getLogger(__name__)


def transform_pending(run_id: str, ports: Ports, deadline: Deadline) -> dict[str, Any]:
    """Transform the landed batches that have no processed manifest, and answer what was done.

    A batch is transformed when its processed manifest exists, which is written last. A run that dies
    before leaves files that no manifest names, and the next run does the batch again.
    """
    done, newest = ports.processed.newest(), ports.landing.newest()
    answer: dict[str, Any] = {"run_id": run_id, "batches": [], "tables": {}, "more": False}
    _check_same_log(ports, done, newest)
    superseded = _superseded(ports, done, newest)
    watch = Stopwatch()
    for number in range(done + 1, newest + 1):
        if answer["batches"] and not deadline(watch.longest):
            return {**answer, "more": True}
        entry = ports.landing.read(number)
        manifest = transform_batch(run_id, entry, ports, empty=number in superseded)
        ports.processed.commit(manifest)
        answer["batches"].append(number)
        _add_counts(answer["tables"], manifest)
        logger.info("batch transformed", extra={"batch": number, "duration_ms": round(1000 * watch.lap())})
    return answer


def _check_same_log(ports: Ports, done: int, newest: int) -> None:
    """Refuse a landing store that is not the one whose batches were transformed: its rows would never be."""
    if done and (newest < done or ports.processed.read(done).landing != ports.landing.read(done).checksum):
        raise IntegrityError(
            f"Batch {done} in {ports.processed.store.url} was not made from batch {done} in {ports.landing.store.url}, "
            f"which ends at {newest}. One of the two was emptied, swapped or set back to an older copy; name or "
            "restore both as they were together.",
            batch=done,
        )


def _superseded(ports: Ports, done: int, newest: int) -> set[int]:
    """Return the waiting batches whose rows a later one holds, because their own files were lost."""
    pending = (ports.landing.read(number).manifest for number in range(done + 1, newest + 1))
    return {number for manifest in pending for number in manifest.supersedes}


def transform_again(run_id: str, number: int, ports: Ports) -> None:
    """Transform a batch that waits to be loaded once more, as its next attempt, after a model was mended."""
    entry, newest = ports.landing.read(number), ports.landing.newest()
    empty = number in _superseded(ports, number - 1, newest)
    if not empty and _is_lost(entry.manifest, ports):
        if ports.landing.read(newest).manifest.base <= number:
            raise IntegrityError(
                f"A landed file of batch {number} is gone, or rows that a model now looks up were not read with it, so "
                "it cannot be transformed again. Run with --resync, whose "
                f"batch holds every row as it is now; if batch {number} keeps it from being loaded, run then with "
                f"--retransform {number}, which leaves that batch empty."
            )
        empty = True
    ports.processed.commit(transform_batch(run_id, entry, ports, empty))
    logger.info("batch transformed", extra={"batch": number})


def _is_lost(batch: LandingManifest, ports: Ports) -> bool:
    there = all(ports.landing.store.exists(file.key) for table in batch.tables for file in table.files)
    return not there or not carries(batch, ports.project.models)


def transform_batch(run_id: str, entry: LandingEntry, ports: Ports, empty: bool = False) -> ProcessedManifest:
    """Compute one batch and upload its files; return the manifest that makes them count, still to be committed."""
    from transformation.star_schema.database import open_engine  # DuckDB, only once there is work
    from transformation.star_schema.engine import Engine

    landing = entry.manifest
    manifest = new_manifest(run_id, entry, ports, _calendar_before(landing, ports))
    if empty:
        return manifest
    if not carries(landing, ports.project.models):
        raise IntegrityError(
            f"Batch {landing.number} was read before a model looked up what it does now, and lacks rows for it. The "
            "next extraction reads its rows again and supersedes it, so start another run.",
            batch=landing.number,
        )
    with scratch_folder(ports.scratch) as folder, open_engine(folder, ports.memory_mb) as connection:
        tables = {table.name: table for table in landing.tables}
        engine = Engine(connection, ports.project, tables, folder)
        engine.add_tables({table.name: fetch_table(table, ports, folder) for table in landing.tables})
        plans, built, covered = _build_models(engine, landing, manifest.calendar)
        upload = Upload(ports, landing, uuid.uuid4().hex[:8])
        files = tuple(upload.table(plan.table, built[plan.model.name]) for plan in plans)
    for table in files:
        if table.rows:  # without files there is nothing that Athena could read, and each call takes its time
            ports.catalogue.register(table)
    return replace(manifest, calendar=covered, tables=files)


def _calendar_before(landing: LandingManifest, ports: Ports) -> "Range | None":
    try:
        return ports.processed.read(landing.number - 1).calendar if landing.number > 1 else None
    except ObjectMissingError:
        return None


def new_manifest(run_id: str, entry: LandingEntry, ports: Ports, calendar: "Range | None") -> ProcessedManifest:
    """Return the manifest of a batch's next attempt, without tables."""
    landing = entry.manifest
    return ProcessedManifest(
        number=landing.number,
        attempt=ports.processed.newest_attempt(landing.number) + 1,
        run_id=run_id,
        project=landing.project,
        landing=entry.checksum,
        predecessor=landing.predecessor,
        base=landing.base,
        snapshot=landing.snapshot,
        calendar=calendar,
        tables=(),
    )


@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """Make a folder for one batch, gone when the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="batch-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def fetch_table(table: SourceTable, ports: Ports, folder: Path) -> dict[str, list[Path]]:
    """Return where a table's files are on this machine, by role, after comparing their checksums."""
    roles = {"changed": table.changed, "affected": table.affected, "context": table.context, "keys": table.keys}
    try:
        store = ports.landing.store
        return {role: [fetch_checked(store, file, folder) for file in files] for role, files in roles.items()}
    except ObjectMissingError as error:
        raise IntegrityError(
            f"{error} Its batch cannot be transformed; the next extraction reads its rows again and supersedes it, "
            "so start another run.",
            **error.fields,
        ) from error


def _build_models(
    engine: "Engine", landing: LandingManifest, before: "Range | None"
) -> "tuple[list[Plan], dict[str, Built], Range | None]":
    from transformation.star_schema.build import Built
    from transformation.star_schema.definition import in_load_order

    plans = [engine.plan(model) for model in in_load_order(engine.project.models)]
    calendars = [plan for plan in plans if plan.model.kind == "calendar"]
    built = {plan.model.name: engine.build(plan) for plan in plans if plan not in calendars}
    covered = engine.calendar_range(before, plans, built)
    whole = landing.base == landing.number
    for plan in calendars:
        grew = covered is not None and (whole or covered != before)
        built[plan.model.name] = engine.build_calendar(plan, covered) if covered and grew else Built()
    return plans, built, covered


@dataclass(frozen=True)
class Upload:
    """Puts one batch's local files into the processed store."""

    ports: Ports
    landing: LandingManifest
    token: str

    def table(self, table: WarehouseTable, built: "Built") -> WarehouseTable:
        """Return the table with its files, which are in the store by then."""
        name = f"{table.name}-{self.landing.number:012d}-{self.token}"
        folder = f"{table.name}/{datetime.fromisoformat(self.landing.snapshot.taken_at):%Y/%m/%d/%H-%M}"
        counts = built.counts
        return replace(
            table,
            rows=self._file(built.rows, f"{folder}/{name}.parquet", counts, "rows"),
            gone=self._file(built.gone, f"_gone/{folder}/{name}.parquet", counts, "gone"),
            present=self._file(built.present, f"_present/{folder}/{name}.parquet", counts, "present"),
            quarantine=self._file(built.quarantine, f"quarantine/{table.name}/{name}.jsonl", counts, "quarantine"),
        )

    def _file(self, path: Path | None, key: str, counts: Mapping[str, int], what: str) -> tuple[DataFile, ...]:
        if path is None:
            return ()
        written = self.ports.processed.store.write(key, file_blocks(path))
        return (DataFile(key, counts[what], written.bytes, written.sha256),)


def _add_counts(tables: dict[str, dict[str, int]], manifest: ProcessedManifest) -> None:
    for table in manifest.tables:
        counts = tables.setdefault(table.name, {"transformed": 0, "quarantined": 0, "gone": 0})
        for name, files in (("transformed", table.rows), ("quarantined", table.quarantine), ("gone", table.gone)):
            counts[name] += _rows(files)


def _rows(files: Sequence[DataFile]) -> int:
    return sum(file.rows for file in files)
