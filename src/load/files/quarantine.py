"""The rejected records of one file, as JSON lines in one object that is written while the file is read."""

import hashlib
import json
import queue
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from urllib.parse import quote

from load.files.ports import DroppedFile
from utils.file_table import FileTable
from utils.records import Rejected
from utils.store import ObjectStore

WAITING = 4  # blocks between the reader and the writer, of some megabytes each at most
MAX_NAME = 120  # characters of a file's name; folders and buckets both bear it


class _AbandonedError(Exception):
    """The load failed, so what was rejected so far is not to be kept."""


def quarantine_key(table: FileTable, dropped: DroppedFile) -> str:
    """Return where a file's rejected records go: the same at every attempt, another for other content."""
    name = quote(dropped.key.partition("/")[2], safe="")[:MAX_NAME]
    digest = hashlib.sha256("\0".join((dropped.bucket, dropped.key, dropped.content)).encode()).hexdigest()
    return f"{quote(table.name.table, safe='')}/{name}-{digest[:16]}.jsonl"


class QuarantineWriter:
    """Takes rejected records while a file is loaded; its object is there, whole, after `close`."""

    def __init__(self, store: ObjectStore, key: str) -> None:
        self.count = 0
        self._store = store
        self._key = key
        self._blocks: queue.Queue[bytes | None] = queue.Queue(WAITING)
        self._error: Exception | None = None
        self._abandoned = False
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str | None:
        """Return where the records are, None when there is none."""
        return f"{self._store.url}/{self._key}" if self.count else None

    def add(self, rejected: Sequence[Rejected]) -> None:
        """Hand records on to the store."""
        if not rejected:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._write, daemon=True)
            self._thread.start()
        self.count += len(rejected)
        self._put("".join(json.dumps(asdict(found), ensure_ascii=True) + "\n" for found in rejected).encode())

    def close(self) -> None:
        """Wait until every record is stored."""
        if self._thread:
            self._put(None)
            self._thread.join()
            self._raise()

    def abandon(self) -> None:
        """Leave nothing of an object that is not whole; one that is whole stays."""
        self._abandoned = True
        while self._thread and self._thread.is_alive():
            try:
                self._blocks.put(None, timeout=0.1)
            except queue.Full:
                continue
            self._thread.join(0.1)

    def _put(self, block: bytes | None) -> None:
        while True:  # the writer may end, by an error, while the queue is full
            self._raise()
            try:
                return self._blocks.put(block, timeout=0.1)
            except queue.Full:
                continue

    def _raise(self) -> None:
        if self._error:
            raise self._error

    def _write(self) -> None:
        try:
            self._store.write(self._key, self._taken())
        except _AbandonedError:
            return
        except Exception as error:  # noqa: BLE001 - it is raised again in the thread that loads
            self._error = error

    def _taken(self) -> Iterator[bytes]:
        while (block := self._blocks.get()) is not None:
            yield block
        if self._abandoned:
            raise _AbandonedError
