"""Where batches rest: one contract, kept alike by a folder and by an S3 bucket."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from utils.errors import IntegrityError

BLOCK_BYTES = 1 << 20  # one read of a file; large enough that Python's overhead disappears


@dataclass(frozen=True)
class DataFile:
    """One object that a manifest names, with what proves it whole."""

    key: str
    rows: int
    bytes: int
    sha256: str
    longest: int = 0  # bytes of the largest row of a CSV, which whoever reads it makes room for


@dataclass(frozen=True)
class StoredObject:
    """One object as a listing shows it."""

    key: str
    bytes: int
    modified: datetime  # UTC, by the store's clock
    etag: str = ""  # tells its content from any other; empty in a folder, where nobody keeps one


@dataclass(frozen=True)
class Written:
    """What one streamed write put into the store."""

    bytes: int
    sha256: str


class ObjectStore(Protocol):
    """Named, immutable objects."""

    @property
    def url(self) -> str:
        """The place's name in messages: `s3://bucket/prefix` or a folder's path."""
        ...

    def write(self, key: str, blocks: Iterable[bytes]) -> Written:
        """Stream blocks into a new object that exists whole or not at all."""
        ...

    def create(self, key: str, body: bytes) -> None:
        """Create an object, or raise ObjectExistsError: of many racing callers, one wins."""
        ...

    def put(self, key: str, body: bytes) -> None:
        """Create or overwrite a small object; for hints, never for data."""
        ...

    def read(self, key: str) -> bytes:
        """Return a small object's bytes, or raise ObjectMissingError."""
        ...

    def read_end(self, key: str, count: int) -> bytes:
        """Return an object's last bytes, or raise ObjectMissingError."""
        ...

    def exists(self, key: str) -> bool:
        """Tell whether the object is there."""
        ...

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Yield the objects whose keys start with prefix, in order of key; for upkeep, no run lists anything."""
        ...

    def delete(self, key: str) -> None:
        """Remove an object; it need not be there."""
        ...

    def fetch(self, key: str, scratch: Path) -> Path:
        """Return a local path to the object's bytes, downloaded into scratch if need be."""
        ...


def fetch_checked(store: ObjectStore, file: DataFile, scratch: Path) -> Path:
    """Return a local path to a manifest's file, after comparing its checksum."""
    path = store.fetch(file.key, scratch)
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != file.sha256:
        raise IntegrityError(
            f"{store.url}/{file.key} is not what its manifest says: sha256 {found[:12]}... instead of "
            f"{file.sha256[:12]}.... It was altered after it was written; restore that object's first version.",
            key=file.key,
        )
    return path


def file_blocks(path: str | os.PathLike[str]) -> Iterator[bytes]:
    """Yield a local file's bytes in blocks."""
    with open(path, "rb") as stream:
        while block := stream.read(BLOCK_BYTES):
            yield block
