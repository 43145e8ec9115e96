"""Where every batch stands: landed, transformed, loaded, and what waits in quarantine."""

from dataclasses import dataclass
from datetime import UTC, datetime

from load.warehouse import ledger
from load.warehouse.definitions import changed_models
from load.warehouse.wiring import WAREHOUSE
from local.warehouse.orphans import recent_orphans
from utils.batch_log import LandingLog, ProcessedLog
from utils.definition import definitions
from utils.open_store import below, open_store
from utils.postgres.connection import Connection, connect
from utils.postgres.url import DatabaseUrl
from utils.project import Project

SHOWN = 10  # newest batches


@dataclass(frozen=True)
class BatchStanding:
    """One batch."""

    batch: int
    state: str  # "landed", "transformed" or "loaded"
    run_id: str
    started_at: str
    taken_at: str  # of the source's snapshot
    rows: int
    loaded_at: str | None


@dataclass(frozen=True)
class Standing:
    """The whole pipeline."""

    landed: int  # newest batch numbers, 0 for none
    transformed: int
    loaded: int
    age_seconds: float | None  # of the snapshot that the warehouse shows
    quarantine: dict[str, int]  # rows by warehouse table
    batches: tuple[BatchStanding, ...]  # newest first
    orphans: int  # objects of these batches' time that belong to none
    orphan_bytes: int
    changed_models: tuple[str, ...]  # since their tables were built


def read_standing(project: Project, store: str, warehouse: DatabaseUrl, now: datetime | None = None) -> Standing:
    """Return where the newest batches stand."""
    landing = LandingLog(open_store(below(store, "landing")))
    processed = ProcessedLog(open_store(below(store, "processed")))
    with connect(warehouse, WAREHOUSE) as session:
        loaded = {row.batch: row for row in ledger.read_recent(session, SHOWN)}
        quarantine = _quarantine(session)
        changed = tuple(changed_models(session, definitions(project)))
    newest, transformed, last = landing.newest(), processed.newest(), max(loaded, default=0)
    numbers = range(newest, max(0, newest - SHOWN), -1)
    batches = tuple(_batch(landing, number, transformed, last, loaded) for number in numbers)
    now = now or datetime.now(UTC)
    age = _age(loaded[last], now) if last else None
    lost = recent_orphans(store, datetime.fromisoformat(batches[-1].started_at), now, SHOWN) if batches else []
    count, size = sum(len(half.objects) for half in lost), sum(half.bytes for half in lost)
    return Standing(newest, transformed, last, age, quarantine, batches, count, size, changed)


def _batch(
    landing: LandingLog, number: int, transformed: int, last: int, loaded: dict[int, ledger.LedgerRow]
) -> BatchStanding:
    entry = landing.read(number)
    manifest, row = entry.manifest, loaded.get(number)
    is_loaded = number <= last and (row is None or row.landing_checksum == entry.checksum)
    state = "loaded" if is_loaded else "transformed" if number <= transformed else "landed"
    rows = sum(file.rows for table in manifest.tables for file in table.files)
    loaded_at = row.loaded_at if row and is_loaded else None
    taken_at = manifest.snapshot.taken_at
    return BatchStanding(number, state, manifest.run_id, manifest.started_at, taken_at, rows, loaded_at)


def _age(row: ledger.LedgerRow, now: datetime) -> float:
    return (now - datetime.fromisoformat(row.taken_at)).total_seconds()


def _quarantine(session: Connection) -> dict[str, int]:
    if not ledger.exists(session, "quarantine"):
        return {}
    rows = session.rows("SELECT model, count(*) AS rows FROM starlift.quarantine GROUP BY model ORDER BY model")
    return {row["model"]: row["rows"] for row in rows}
