"""What runs leave behind: the mark, and notes of what was queued, which Athena reads as a table."""

import json
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from transformation.query.messages import Parcel
from utils.errors import IntegrityError, ObjectMissingError
from utils.store import ObjectStore
from utils.threads import in_threads

QUEUED_FOLDER = "queued"
MARK = "query/mark.json"
FLUSH_IDS = 10_000  # held back at most; so many are queued again after a crash, and delivered once all the same


@dataclass
class Notes:
    """Notes of one run: below `queued/`, in partitions like those of the records themselves."""

    store: ObjectStore
    _ids: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))  # by partition
    _count: int = 0

    def add(self, parcels: Collection[Parcel]) -> None:
        """Note records that are in the queue, or settled already."""
        for parcel in parcels:
            self._ids[parcel.partition].append(parcel.id)
        self._count += len(parcels)
        if self._count >= FLUSH_IDS:
            self.flush()

    def flush(self) -> None:
        """Write what is not written yet, one object for each partition."""
        in_threads(self._write, sorted(self._ids.items()))
        self._ids.clear()
        self._count = 0

    def _write(self, noted: tuple[str, Iterable[str]]) -> None:
        partition, ids = noted
        body = "".join(f"{json.dumps({'id': each})}\n" for each in ids)
        self.store.create(f"{QUEUED_FOLDER}/{partition}/{uuid.uuid4().hex}.json", body.encode())


def read_mark(store: ObjectStore) -> datetime | None:
    """Return until when everything is queued, None before the first run."""
    try:
        body = store.read(MARK)
    except ObjectMissingError:
        return None
    try:
        return datetime.fromisoformat(json.loads(body)["until"]).astimezone(UTC)
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError(
            f"{store.url}/{MARK} is not what a run writes. Delete it: the next run reads everything, and queues only "
            "what was not queued."
        ) from error


def move_mark(store: ObjectStore, until: datetime) -> None:
    """Say that everything until then is queued; a mark that is behind costs reading, never a record."""
    store.put(MARK, json.dumps({"until": until.isoformat()}).encode())
