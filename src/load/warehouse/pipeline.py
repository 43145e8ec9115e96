"""Load: every transformed batch that the warehouse does not hold, oldest first, one transaction each."""

import functools
import logging
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from load.warehouse import history, ledger, merge, quarantine, staging, tables
from load.warehouse.ports import Ports, Session
from load.warehouse.session import lock_warehouse, transaction
from load.warehouse.target import Target
from utils.batch_log import ProcessedLog
from utils.deadline import Deadline, Stopwatch
from utils.manifest import ProcessedManifest, WarehouseTable
from utils.model import VERSIONS
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
    known: frozenset[str] = frozenset()  # models with rows in quarantine
    accepted_deletes: frozenset[str] = frozenset()

    def fetched(self, files: tuple[DataFile, ...]) -> staging.Fetched:
        """Return the files with where they are."""
        return tuple((file, self.paths[file.key]) for file in files)


def load_pending(run_id: str, ports: Ports, deadline: Deadline) -> dict[str, Any]:
    """Load the transformed batches that the ledger does not name, and answer what was done.

    A batch's rows and its ledger row are one transaction: readers see all of it or nothing, a crash
    leaves nothing, and a repeat finds the ledger row and does nothing.
    """
    log = ProcessedLog(ports.processed)
    newest = log.newest()
    last = ledger.read_last(ports.warehouse)
    ledger.check_not_behind(last, newest, ports.processed.url)
    done: dict[int, dict[str, Counts]] = {}
    watch = Stopwatch()
    for number in range(_first(last, log, newest), newest + 1):
        if done and not deadline(watch.longest):
            return _answer(run_id, done, more=True)
        counts = load_batch(log.read(number), ports)
        watch.lap()
        if counts is not None:
            done[number] = counts
    return _answer(run_id, done, more=False)


def _first(last: ledger.LedgerRow | None, log: ProcessedLog, newest: int) -> int:
    """Return the batch to load next; an empty warehouse starts at 1, or at a batch that holds every table whole."""
    if last:
        return last.batch + 1
    if newest == 0 or log.newest_attempt(1):
        return 1
    return log.read(newest).base


def _answer(run_id: str, done: dict[int, dict[str, Counts]], more: bool) -> dict[str, Any]:
    totals: dict[str, Counts] = {}
    for counts in done.values():
        for table, found in counts.items():
            totals[table] = totals.get(table, Counts()).plus(found)
    named = {table: asdict(found) for table, found in totals.items()}
    return {"run_id": run_id, "batches": list(done), "tables": named, "more": more}


def load_batch(manifest: ProcessedManifest, ports: Ports) -> dict[str, Counts] | None:
    """Load one batch and return its counts by table, None when another load had it first.

    Files are fetched before the transaction: the lock is not held while they travel.
    """
    watch = Stopwatch()
    with tempfile.TemporaryDirectory(dir=ports.scratch, prefix="starlift-load-") as folder:
        paths = {file.key: fetch_checked(ports.processed, file, Path(folder)) for file in _files(manifest)}
        with transaction(ports.warehouse, ports.lock_seconds):
            counts = _load_locked(Batch(manifest, paths), ports)
    if counts is not None:
        total = functools.reduce(Counts.plus, counts.values(), Counts())
        extra = {"batch": manifest.number, "row_count": total.loaded, **asdict(total)}
        logger.info("batch loaded", extra={**extra, "duration_ms": round(1000 * watch.lap())})
    return counts


def _files(manifest: ProcessedManifest) -> list[DataFile]:
    return [file for table in manifest.tables for file in table.files]


def _load_locked(batch: Batch, ports: Ports) -> dict[str, Counts] | None:
    """Take the lock, look at the ledger once more, merge every table, parents first, and write the ledger row."""
    session, manifest = ports.warehouse, batch.manifest
    lock_warehouse(session, ports.schema)
    ledger.create_tables(session)
    last = ledger.read_last(session)
    if last and last.batch >= manifest.number:
        return None
    ledger.check_chain(last, manifest, ports.processed.url)
    taken_at = ledger.later(last, manifest.snapshot.taken_at)
    catalogue = tables.read_tables(session, manifest, ports.schema, taken_at)
    quarantine.create_tables(session)
    batch = Batch(manifest, batch.paths, quarantine.read_models(session), ports.accepted_deletes)
    counts, fresh = {}, {}
    for place, table in enumerate(catalogue.wanted):
        prepared = _prepare(session, catalogue, place)
        counts[table.name], fresh[table.name] = _load_table(session, prepared, batch)
    _tell_quarantine(manifest.number, counts, fresh)
    ledger.write(session, manifest, {table: asdict(found) for table, found in counts.items()}, taken_at)
    return counts


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
    quarantine.take_files(session, batch.fetched(table.quarantine))
    if table.name in batch.known and not (table.load == "replace" and table.rows):
        quarantine.rejoin_waiting(session, target)


def _tell_quarantine(batch: int, counts: dict[str, Counts], fresh: dict[str, int]) -> None:
    """Raise the alert for rows that were not in quarantine before.

    Before the commit: a crash between the two then tells it twice, and not never.
    """
    new = {table: rows for table, rows in fresh.items() if rows}
    known = {
        table: found.quarantined - fresh[table] for table, found in counts.items() if found.quarantined > fresh[table]
    }
    if new:
        logger.critical("new rows in quarantine", extra={"batch": batch, "tables": new})
    if known:
        logger.warning("rows quarantined", extra={"batch": batch, "tables": known})
