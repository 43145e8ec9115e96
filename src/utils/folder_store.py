"""The object store as a folder: for one machine, for tests, and for reading what a bucket would hold."""

import contextlib
import hashlib
import os
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from utils.errors import (
    ConfigurationError,
    ObjectExistsError,
    ObjectMissingError,
    ObjectStoreUnavailableError,
    ResourceExhaustedError,
)
from utils.store import StoredObject, Written

UNFINISHED = ".unfinished-"  # a crash leaves such a file; no manifest names it
FULL = {28, 122, 27}  # ENOSPC, EDQUOT, EFBIG


@contextlib.contextmanager
def _named_errors(what: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise ObjectMissingError(f"{what} is not in the store.", key=what) from error
    except PermissionError as error:
        raise ConfigurationError(
            f"This user may not use {what}: {error.strerror}. Change its owner or mode."
        ) from error
    except OSError as error:
        if error.errno in FULL:
            raise ResourceExhaustedError(f"No room left to write {what}: {error.strerror}. Free some disk.") from error
        raise ObjectStoreUnavailableError(f"{what} cannot be used: {error.strerror}.") from error


@dataclass(frozen=True)
class FolderStore:
    """Objects as files below one folder; a key's slashes are folders."""

    root: Path

    @property
    def url(self) -> str:
        """The folder's path."""
        return str(self.root)

    def _path(self, key: str) -> Path:
        path = self.root / key
        if not path.resolve().is_relative_to(self.root.resolve()):
            raise ConfigurationError(f"The key {key} leads out of the store {self.root}.")
        return path

    def write(self, key: str, blocks: Iterable[bytes]) -> Written:
        """Stream blocks into a new file that appears whole or not at all."""
        path, digest, size = self._path(key), hashlib.sha256(), 0
        with _named_errors(str(path)), _unfinished(path) as (temporary, descriptor):
            for block in blocks:
                digest.update(block)
                size += len(block)
                _write_all(descriptor, block)
            os.fsync(descriptor)
            os.rename(temporary, path)
            _sync_folder(path.parent)
        return Written(bytes=size, sha256=digest.hexdigest())

    def create(self, key: str, body: bytes) -> None:
        """Create a file, or raise ObjectExistsError; a hard link is what makes one racing caller win."""
        path = self._path(key)
        with _named_errors(str(path)), _unfinished(path) as (temporary, descriptor):
            _write_all(descriptor, body)
            os.fsync(descriptor)
            try:
                os.link(temporary, path)
            except FileExistsError as error:
                raise ObjectExistsError(f"{path} exists already.", key=key) from error
            _sync_folder(path.parent)

    def put(self, key: str, body: bytes) -> None:
        """Create or replace a small file."""
        self.write(key, [body])

    def read(self, key: str) -> bytes:
        """Return a small file's bytes, or raise ObjectMissingError."""
        path = self._path(key)
        with _named_errors(str(path)):
            return path.read_bytes()

    def read_end(self, key: str, count: int) -> bytes:
        """Return a file's last bytes, or raise ObjectMissingError."""
        path = self._path(key)
        with _named_errors(str(path)), path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - count))
            return stream.read()

    def exists(self, key: str) -> bool:
        """Tell whether the file is there."""
        return self._path(key).is_file()

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Yield the files whose keys start with prefix, in order of key; those that a crash left unfinished too."""
        folder = self._path(prefix.rpartition("/")[0])
        keys = (path.relative_to(self.root).as_posix() for path in folder.rglob("*") if path.is_file())
        for key in sorted(key for key in keys if key.startswith(prefix)):
            with contextlib.suppress(FileNotFoundError):  # a writer just finished or gave up
                found = (self.root / key).stat()
                yield StoredObject(key, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))

    def delete(self, key: str) -> None:
        """Remove a file; it need not be there."""
        path = self._path(key)
        with _named_errors(str(path)):
            path.unlink(missing_ok=True)

    def fetch(self, key: str, scratch: Path) -> Path:  # noqa: ARG002 - the file is here already
        """Return the file's own path."""
        path = self._path(key)
        if not path.is_file():
            raise ObjectMissingError(f"{path} is not in the store.", key=key)
        return path


@contextlib.contextmanager
def _unfinished(path: Path) -> Iterator[tuple[Path, int]]:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{UNFINISHED}{uuid.uuid4().hex}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        yield temporary, descriptor
    finally:
        os.close(descriptor)
        temporary.unlink(missing_ok=True)


def _write_all(descriptor: int, block: bytes) -> None:
    view = memoryview(block)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
