"""One batch's tables, parents first: made ready, staged, merged, and what is set aside recorded."""

import contextlib
import logging
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from load.warehouse import history, merge, quarantine, staging, tables
from load.warehouse.ports import Ports
from load.warehouse.target import Target
from utils.deadline import Stopwatch
from utils.manifest import ProcessedManifest, WarehouseTable
from utils.model import VERSIONS
from utils.postgres.session import Session
from utils.store import DataFile, fetch_checked

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Counts:
    """What became of one table's rows in one batch."""

    loaded: int = 0  # inserted or updated
    skipped: int = 0  # equal to what the warehouse has
    quarantined: int = 0
    deleted: int = 0  # no longer in force
    late: int = 0  # loaded, and the cursor column alone would have missed them

    def plus(self, other: "Counts") -> "Counts":
        """Return the sum."""
        mine, theirs = asdict(self), asdict(other)
        return Counts(**{name: mine[name] + theirs[name] for name in mine})


@dataclass(frozen=True)
class Batch:
    """One batch, its files on this machine."""

    manifest: ProcessedManifest
    paths: dict[str, Path]  # by key
    memory_mb: int
    known: frozenset[str] = frozenset()  # models with rows in quarantine
    accepted_deletes: frozenset[str] = frozenset()

    def fetched(self, files: tuple[DataFile, ...]) -> staging.Fetched:
        """Return the files with where they are."""
        return tuple(staging.LocalFile(file, self.paths[file.key], self.memory_mb) for file in files)


@dataclass(frozen=True)
class Merged:
    """What a batch did to the warehouse's tables."""

    counts: dict[str, Counts]
    fresh: dict[str, int]  # rows that were not in quarantine before
    created: tuple[str, ...]  # tables that were not there before


@contextlib.contextmanager
def fetched(manifest: ProcessedManifest, ports: Ports) -> Iterator[Batch]:
    """Bring a batch's files to this machine for as long as the block lasts."""
    with tempfile.TemporaryDirectory(dir=ports.scratch, prefix="starlift-load-") as folder:
        files = [file for table in manifest.tables for file in table.files]
        paths = {file.key: fetch_checked(ports.processed, file, Path(folder)) for file in files}
        yield Batch(manifest, paths, ports.memory_mb, accepted_deletes=ports.accepted_deletes)


def merge_tables(session: Session, batch: Batch, schema: str, taken_at: str) -> Merged:
    """Merge every table of a batch within the transaction that is open."""
    catalogue = tables.read_tables(session, batch.manifest, schema, taken_at)
    quarantine.create_tables(session)
    batch = replace(batch, known=quarantine.read_models(session))
    counts, fresh = {}, {}
    for place, table in enumerate(catalogue.wanted):
        prepared = _prepare(session, catalogue, place)
        counts[table.name], fresh[table.name] = _load_table(session, prepared, batch)
    created = tuple(table.name for table in catalogue.wanted if table.name not in catalogue.existing)
    return Merged(counts, fresh, created)


def _prepare(session: Session, catalogue: tables.Catalogue, place: int) -> list[tables.Prepared]:
    """Make a table able to hold the batch's rows, and with it that of its versions if it has one."""
    prepared = tables.prepare(session, catalogue, place, catalogue.wanted[place])
    if prepared.target.table.history != VERSIONS:
        return [prepared]
    return [prepared, history.prepare_history(session, catalogue, prepared.target)]


def _load_table(session: Session, prepared: list[tables.Prepared], batch: Batch) -> tuple[Counts, int]:
    """Merge one table's rows; return their counts and how many rows are new in quarantine."""
    watch, table = Stopwatch(), prepared[0].target.table
    counts, new = Counts(), 0
    if _has_work(table, batch):
        counts, new = _merge_table(session, prepared, batch)
    else:
        for each in prepared:
            tables.finish_table(session, each)
    extra = {"batch": batch.manifest.number, "table": table.name, "row_count": counts.loaded, **asdict(counts)}
    logger.info("table loaded", extra={**extra, "duration_ms": round(1000 * watch.lap())})
    return counts, new


def _has_work(table: WarehouseTable, batch: Batch) -> bool:
    return bool(table.rows or merge.has_gone(table) or table.quarantine or table.name in batch.known)


def _merge_table(session: Session, prepared: list[tables.Prepared], batch: Batch) -> tuple[Counts, int]:
    """Stage, test, merge, close what is gone, and record what was set aside."""
    target = prepared[0].target
    _stage(session, target, batch)
    quarantine.refuse_rows(session, target)
    kept = int(session.value(f"SELECT count(*) FROM {target.staging}"))
    loaded = merge.merge_rows(session, target)
    tables.finish_table(session, prepared[0])
    deleted = merge.take_out(session, target, batch.accepted_deletes) if merge.has_gone(target.table) else 0
    for versions in prepared[1:]:
        history.merge_history(session, versions)
    late = merge.count_late(session, target)
    aside = quarantine.register(session, target, target.table.name in batch.known)
    return Counts(loaded, kept - loaded, aside.rows, deleted, late), aside.new


def _stage(session: Session, target: Target, batch: Batch) -> None:
    """Bring the batch's rows into staging tables, and those that wait for a parent with them."""
    table = target.table
    staging.create_staging(session, target)
    staging.copy_rows(session, target, batch.fetched(table.rows))
    if merge.has_gone(table):
        staging.create_keys(session, target, "gone")
        staging.copy_gone(session, target, batch.fetched(table.gone))
    if table.present:
        staging.create_keys(session, target, "present")
        staging.copy_present(session, target, batch.fetched(table.present))
        quarantine.forget_deleted(session, target)
    quarantine.take_files(session, target, batch.fetched(table.quarantine))
    if table.name in batch.known and not (table.load == "replace" and table.rows):
        quarantine.rejoin_waiting(session, target)
