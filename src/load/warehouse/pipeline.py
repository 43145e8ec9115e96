"""Load: every transformed batch that the warehouse does not hold, oldest first, one transaction each."""

import functools
import logging
from dataclasses import asdict
from typing import Any

from load.warehouse import definitions, ledger
from load.warehouse.batch import Batch, Counts, Merged, fetched, merge_tables
from load.warehouse.ports import Ports
from load.warehouse.session import lock_warehouse
from utils.batch_log import ProcessedLog
from utils.deadline import Deadline, Stopwatch
from utils.manifest import ProcessedManifest
from utils.postgres.session import transaction

logger = logging.getLogger(__name__)


def load_pending(run_id: str, ports: Ports, deadline: Deadline) -> dict[str, Any]:
    """Load the transformed batches that the ledger does not name, and answer what was done.

    A batch's rows and its ledger row are one transaction: readers see all of it or nothing, a crash
    leaves nothing, and a repeat finds the ledger row and does nothing.
    """
    log = ProcessedLog(ports.processed)
    newest = log.newest()
    last = ledger.read_last(ports.warehouse)
    ledger.check_not_behind(last, newest, ports.processed.url)
    if last and newest == last.batch:
        ledger.check_same(last, log.read(newest), ports.processed.url)
    if changed := definitions.changed_models(ports.warehouse, ports.definitions):
        logger.warning("model changed without rebuild", extra={"models": changed})
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
    with fetched(manifest, ports) as batch, transaction(ports.warehouse, ports.lock_seconds):
        counts = _load_locked(batch, ports)
    if counts is not None:
        total = functools.reduce(Counts.plus, counts.values(), Counts())
        extra = {"batch": manifest.number, "row_count": total.loaded, **asdict(total)}
        logger.info("batch loaded", extra={**extra, "duration_ms": round(1000 * watch.lap())})
    return counts


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
    merged = merge_tables(session, batch, ports.schema, taken_at)
    _tell_quarantine(manifest.number, merged)
    definitions.remember(session, manifest.tables, merged.created, manifest.number)
    ledger.write(session, manifest, {table: asdict(found) for table, found in merged.counts.items()}, taken_at)
    return merged.counts


def _tell_quarantine(batch: int, merged: Merged) -> None:
    """Raise the alert for rows that were not in quarantine before.

    Before the commit: a crash between the two then tells it twice, and not never.
    """
    new = {table: rows for table, rows in merged.fresh.items() if rows}
    known = {table: found.quarantined - merged.fresh[table] for table, found in merged.counts.items()}
    known = {table: rows for table, rows in known.items() if rows > 0}
    if new:
        logger.critical("new rows in quarantine", extra={"batch": batch, "tables": new})
    if known:
        logger.warning("rows quarantined", extra={"batch": batch, "tables": known})
