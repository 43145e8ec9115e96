"""Load: every transformed batch that the warehouse does not hold, oldest first, one transaction each."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from load.warehouse import ledger
from load.warehouse.ports import Ports
from load.warehouse.session import lock_warehouse, named_duplicates, transaction
from utils.batch_log import ProcessedLog
from utils.deadline import Deadline, Stopwatch
from utils.errors import ObjectMissingError
from utils.manifest import ProcessedManifest, WarehouseTable
from utils.postgres.names import TableName
from utils.store import DataFile, fetch_checked

logger = logging.getLogger(__name__)

Counts = dict[str, int]


def load_pending(run_id: str, ports: Ports, deadline: Deadline) -> dict[str, Any]:
    """Load the transformed batches that the ledger does not name, and answer what was done.

    A batch's rows and its ledger row are one transaction: readers see all of it or nothing, a crash
    leaves nothing, and a repeat finds the ledger row and does nothing.
    """
    log = ProcessedLog(ports.processed)
    newest = log.newest()
    last = ledger.read_last(ports.warehouse)
    ledger.check_not_behind(last, newest, ports.processed.url)
    answer: dict[str, Any] = {"run_id": run_id, "batches": [], "tables": {}, "more": False}
    watch = Stopwatch()
    for number in range(_first(last, log, newest), newest + 1):
        if answer["batches"] and not deadline(watch.longest):
            return {**answer, "more": True}
        counts = load_batch(log.read(number), ports)
        seconds = watch.lap()
        if counts is None:
            continue
        answer["batches"].append(number)
        _add_counts(answer["tables"], counts)
        logger.info("batch loaded", extra={"batch": number, "duration_ms": round(1000 * seconds)})
    return answer


def _first(last: ledger.LedgerRow | None, log: ProcessedLog, newest: int) -> int:
    """Return the batch to load next; an empty warehouse starts at 1, or at a batch that holds every table whole."""
    if last:
        return last.batch + 1
    if newest == 0:
        return 1
    try:
        return log.read(1).number
    except ObjectMissingError:
        return log.read(newest).base


def load_batch(manifest: ProcessedManifest, ports: Ports) -> dict[str, Counts] | None:
    """Load one batch and return its counts by table, None when another load had it first."""
    with transaction(ports.warehouse, ports.lock_seconds):
        ledger.create_tables(ports.warehouse)
        lock_warehouse(ports.warehouse, ports.schema)
        last = ledger.read_last(ports.warehouse)
        if last and last.batch >= manifest.number:
            return None
        ledger.check_chain(last, manifest, ports.processed.url)
        counts = load_tables(manifest, ports)
        ledger.write(ports.warehouse, manifest, counts)
    _tell_quarantine(manifest.number, counts)
    return counts


def load_tables(manifest: ProcessedManifest, ports: Ports) -> dict[str, Counts]:
    """Merge every table of the batch, parents before the tables that refer to them."""
    from load.warehouse.quarantine import CREATE_STAGE

    ports.warehouse.run(CREATE_STAGE)
    return {table.name: _load_table(table, manifest.number, ports) for table in manifest.tables}


def _load_table(table: WarehouseTable, batch: int, ports: Ports) -> Counts:
    from load.warehouse import merge, schema, staging  # DuckDB, only once there is work
    from load.warehouse.quarantine import STAGE, Quarantine

    session, watch = ports.warehouse, Stopwatch()
    types = staging.create_staging(session, table)
    target = schema.prepare(session, table, TableName(ports.schema, table.name), types)
    quarantine = Quarantine(session, target, batch)
    staged = _each(table.rows, ports, lambda path: staging.copy_rows(session, table, path))
    _each(table.quarantine, ports, lambda path: staging.copy_quarantine(session, STAGE, path))
    staged += quarantine.rejoin_waiting()
    if staged and table.load == "merge":
        quarantine.set_aside_doubles()
        quarantine.set_aside_orphans()
    aside = quarantine.register()
    kept = session.value(f"SELECT count(*) FROM {staging.staging_name(table.name)}") if staged else 0
    with named_duplicates(table.name):
        loaded = merge.merge(session, target, batch) if table.rows or kept else 0
        schema.finish(session, target)
    gone = _close_gone(table, target, batch, ports)
    late = merge.count_late(session, target, batch) if kept else 0
    extra = {"batch": batch, "table": table.name, "row_count": loaded, "duration_ms": round(1000 * watch.lap())}
    logger.info("table loaded", extra={**extra, "skipped": kept - loaded, "quarantined": aside.rows})
    return {
        "loaded": loaded + gone,
        "skipped": max(0, kept - loaded),
        "quarantined": aside.rows,
        "quarantined_new": aside.new,
        "late": late,
    }


def _each(files: tuple[DataFile, ...], ports: Ports, copy: Callable[[Path], int]) -> int:
    """Fetch files one by one, check them against the manifest, and copy them; return the rows."""
    return sum(copy(fetch_checked(ports.processed, file, ports.scratch)) for file in files)


def _close_gone(table: WarehouseTable, target: Any, batch: int, ports: Ports) -> int:
    from load.warehouse import merge, staging

    if not table.gone:
        return 0
    stage = staging.create_key_staging(ports.warehouse, table, target.types)
    _each(table.gone, ports, lambda path: staging.copy_keys(ports.warehouse, stage, table.key, path))
    return merge.close_gone(ports.warehouse, target, stage, batch)


def _tell_quarantine(batch: int, counts: dict[str, Counts]) -> None:
    """Raise the alert once a batch, and only for rows that were not in quarantine before."""
    new = {table: entry["quarantined_new"] for table, entry in counts.items() if entry["quarantined_new"]}
    known = {table: entry["quarantined"] for table, entry in counts.items() if entry["quarantined"]}
    if new:
        logger.critical("new rows in quarantine", extra={"batch": batch, "tables": new})
    elif known:
        logger.warning("rows stay in quarantine", extra={"batch": batch, "tables": known})


def _add_counts(tables: dict[str, Counts], counts: dict[str, Counts]) -> None:
    for table, entry in counts.items():
        total = tables.setdefault(table, dict.fromkeys(("loaded", "skipped", "quarantined", "late"), 0))
        for name in total:
            total[name] += entry[name]
