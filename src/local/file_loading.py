"""Dropped files loaded from this machine: local ones and those of a bucket, by the function's own pipeline."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from load.files.ledger import Report
from load.files.pipeline import load_file
from load.files.ports import DroppedFile
from load.files.wiring import TARGET, BucketObjects, make_ports
from utils.errors import ConfigurationError, FileRefusedError
from utils.file_project import read_file_project
from utils.file_table import FileProject
from utils.open_store import open_store
from utils.postgres.connection import connect
from utils.postgres.url import DatabaseUrl
from utils.s3_store import S3Store
from utils.store import ObjectStore, file_blocks

LOCAL = "file"  # the ledger's bucket of files that came from a disk
Mark = tuple[int, int, int]
Advance = Callable[[int], None]


def ignore_progress(_bytes: int) -> None:
    """Be told how many bytes were read, and do nothing."""


@dataclass(frozen=True)
class FileJob:
    """Which project's tables to fill, where, and where bad rows go."""

    project: FileProject
    target: DatabaseUrl
    quarantine: ObjectStore


@dataclass(frozen=True)
class Found:
    """A file that was named, and where its bytes are."""

    dropped: DroppedFile
    path: Path | None = None  # None: in its bucket
    mark: Mark = (0, 0, 0)  # of the content that was hashed


@dataclass(frozen=True)
class FoundObjects:
    """Reads a file from the disk or from its bucket, and tells how far it is."""

    found: Found
    advance: Advance
    buckets: BucketObjects = field(default_factory=BucketObjects)

    def read(self, dropped: DroppedFile) -> Iterator[bytes]:
        """Yield the file's bytes."""
        path = self.found.path
        for block in file_blocks(path) if path else self.buckets.read(dropped):
            self.advance(len(block))
            yield block
        if path and _mark(path) != self.found.mark:
            raise FileRefusedError(f"{path} was written to while it was read. Load it again when it is complete.")


def open_job(project: Path, target: DatabaseUrl, quarantine: str) -> FileJob:
    """Return a job of which project and database were looked at, so that what is wrong there is told once."""
    job = FileJob(read_file_project(project), target, open_store(quarantine))
    with connect(target, TARGET):
        return job


def find_file(name: str, table: str | None = None) -> Found:
    """Look at a file or an `s3://bucket/table/...` address, and return what the ledger will call it."""
    if name.startswith("s3://"):
        return _in_bucket(name, table)
    try:
        return _on_disk(Path(name).expanduser(), table)
    except OSError as error:
        raise ConfigurationError(f"{name} cannot be read: {error.strerror}.") from error


def _on_disk(path: Path, table: str | None) -> Found:
    if not path.is_file():
        raise ConfigurationError(f"{path} is not a file. Name files, or s3://bucket/table/... addresses.")
    mark = _mark(path)
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    key = f"{table or path.resolve().parent.name}/{path.name}"
    return Found(DroppedFile(LOCAL, key, digest, bytes=mark[0]), path, mark)


def _mark(path: Path) -> Mark:
    """Return what changes when a file is written to or replaced."""
    state = path.stat()
    return state.st_size, state.st_mtime_ns, state.st_ino


def _in_bucket(name: str, table: str | None) -> Found:
    parts = urlsplit(name, allow_fragments=False)
    bucket, key = parts.netloc, name.removeprefix(f"s3://{parts.netloc}/")
    if table and not key.startswith(f"{table}/"):
        raise ConfigurationError(f"{name} is not in {table}/, and in a bucket the folder names the table.")
    if not bucket or not key or key == name:
        raise ConfigurationError(f"{name} names no object. Give s3://bucket/table/file.")
    state = S3Store(bucket).stat(key)
    return Found(DroppedFile(bucket, key, state.etag, state.version, bytes=state.bytes))


def load_one(job: FileJob, found: Found, advance: Advance = ignore_progress) -> Report:
    """Load one file, with the same ledger, rules and quarantine as the function."""
    return load_file(found.dropped, make_ports(job.project, job.target, job.quarantine, FoundObjects(found, advance)))


def upload(paths: Iterable[Path], address: str) -> Iterator[str]:
    """Put files into a folder of a bucket, and yield the address of each."""
    bucket, _, folder = address.removeprefix("s3://").partition("/")
    folder = folder.strip("/")
    if not address.startswith("s3://") or not bucket or not folder:
        raise ConfigurationError(f"{address} names no folder of a bucket. Give s3://bucket/table/.")
    store = S3Store(bucket)
    for path in paths:
        if not path.is_file():
            raise ConfigurationError(f"{path} is not a file.")
        store.write(f"{folder}/{path.name}", file_blocks(path))
        yield f"s3://{bucket}/{folder}/{path.name}"
