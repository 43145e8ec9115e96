"""A log of any length, in seconds: the newest batch, a row read again and found equal, is told again and again.

Each repetition has a number, a time and a run of its own and names its predecessor by checksum, as the ledger does;
all of them name the one batch's files. So a run that follows has no means to tell.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from extraction.database.wiring import open_source
from tests.schedule import Schedule, moment
from utils.batch_log import HINT, LandingLog, ProcessedLog
from utils.folder_store import FolderStore
from utils.manifest import LandingManifest, ProcessedManifest, checksum, encode
from utils.store import ObjectStore

LINKS = "CREATE TEMP TABLE link (batch bigint, landing_checksum text, predecessor text, run_id text)"
LEDGER = """
INSERT INTO starlift.ledger
SELECT l.batch, r.attempt, l.landing_checksum, l.predecessor, l.run_id, r.project, r.base, r.horizon, r.next_xid,
       r.system_identifier, r.timeline, r.taken_at + (l.batch - r.batch) * interval '5 minutes',
       clock_timestamp(), r.tables
FROM pg_temp.link l, starlift.ledger r WHERE r.batch = :repeated
"""


def lengthen(schedule: Schedule, batches: int) -> None:
    """Repeat an equal row's batch until the log holds so many; the next run continues it."""
    schedule.world.ask_source("UPDATE sale SET units = units WHERE sale_id = 1")
    schedule.run()
    repeated = schedule.number
    with open_source(schedule.world.warehouse) as session:
        session.run(LINKS)
        session.copy_in("COPY pg_temp.link FROM STDIN", _repeat(Stores(schedule.landing, schedule.processed), batches))
        session.run(LEDGER, repeated=repeated)
        session.run("ANALYZE starlift.ledger")
    for store in (schedule.landing, schedule.processed):
        store.put(HINT, str(batches).encode())
    schedule.number = batches


@dataclass(frozen=True)
class Stores:
    """Where the two manifests of a repetition go."""

    landing: ObjectStore
    processed: ObjectStore

    def newest(self) -> tuple[LandingManifest, str, ProcessedManifest]:
        """Return the newest batch, with its landing manifest's checksum."""
        log = LandingLog(self.landing)
        entry = log.read(log.newest())
        return entry.manifest, entry.checksum, ProcessedLog(self.processed).read(entry.manifest.number)

    def write(self, landed: LandingManifest, processed: ProcessedManifest) -> None:
        """Write a batch's two manifests."""
        write_quickly(self.landing, LandingLog.key(landed.number), encode(landed))
        write_quickly(self.processed, ProcessedLog.key(processed.number, 1), encode(processed))


def _repeat(stores: Stores, batches: int) -> Iterator[bytes]:
    """Write batches up to that number, and yield for each the line of its ledger row."""
    landed, last, processed = stores.newest()
    for number in range(landed.number + 1, batches + 1):
        run_id, at = f"repeated-{number}", moment(number).isoformat()
        snapshot = replace(landed.snapshot, taken_at=at)
        landed = replace(landed, number=number, run_id=run_id, started_at=at, predecessor=last, snapshot=snapshot)
        before, last = last, checksum(encode(landed))
        processed = replace(
            processed, number=number, run_id=run_id, predecessor=before, landing=last, snapshot=snapshot
        )
        stores.write(landed, processed)
        yield f"{number}\t{last}\t{before}\t{run_id}\n".encode()


def write_quickly(store: ObjectStore, key: str, body: bytes) -> None:
    """Write an object without waiting for the disk: what a fabricated log would lose in a power cut is no loss."""
    if isinstance(store, FolderStore):
        path = store.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    else:
        store.put(key, body)
