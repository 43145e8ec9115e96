"""The files of one export, and the checksum by which its content is known again."""

import hashlib
import json
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from utils.errors import ExportRefusedError
from utils.export_table import ExportTable, ExportVersion, Format
from utils.store import ObjectStore, StoredObject

ENDINGS = {Format.CSV: (".csv", ".csv.gz"), Format.PARQUET: (".parquet",)}


@dataclass(frozen=True)
class ExportFiles:
    """What one version consists of: its files, without those that only accompany them."""

    version: ExportVersion
    files: tuple[StoredObject, ...]
    content: str  # the same for the same files' etags and sizes, whatever their names and order

    @property
    def bytes(self) -> int:
        """The size of all files together."""
        return sum(file.bytes for file in self.files)

    @property
    def key(self) -> str:
        """The only file, or the prefix of several."""
        return self.files[0].key if len(self.files) == 1 else self.version.prefix


def list_files(store: ObjectStore, table: ExportTable, version: ExportVersion) -> ExportFiles:
    """Return a version's files as they are now, or raise ExportRefusedError where they are not as declared."""
    listed = [item for item in store.list(version.prefix) if is_data(item.key.removeprefix(version.prefix), table)]
    for item in listed:
        check_file(item.key.removeprefix(version.prefix), table, f"{store.url}/{item.key}")
    where = f"{store.url}/{version.prefix}"
    if not listed:
        raise ExportRefusedError(f"{where} holds no file. Write the export there again.", version=version.version)
    if table.closed_by is None and len(listed) > 1:
        raise ExportRefusedError(
            f"{where} holds {len(listed)} files, but nothing says when a version is complete. Write one file a "
            f'version, or set closed_by = "_SUCCESS" in exports/{table.name}.toml.',
            version=version.version,
        )
    known = [item if item.etag else _digested(store, item) for item in listed]
    return ExportFiles(version, tuple(known), content_of((item.etag, item.bytes) for item in known))


def content_of(files: Iterable[tuple[str, int]]) -> str:
    """Return one checksum over every file's etag and size, in whatever order they are given."""
    return hashlib.sha256(json.dumps(sorted(files)).encode()).hexdigest()


def is_data(name: str, table: ExportTable) -> bool:
    """Tell a file from what accompanies it: the closing object, a folder's marker, what programs hide by a name."""
    return bool(name) and name != table.closed_by and not name.startswith(("_", ".")) and not name.endswith("/")


def check_file(name: str, table: ExportTable, where: str) -> None:
    """Raise ExportRefusedError unless a file's name is one that the table's format reads."""
    endings = ENDINGS[table.format]
    if "/" in name:
        raise ExportRefusedError(f"{where} lies too deep: write tenant/{table.name}/version/file.", key=where)
    if not name.endswith(endings):
        raise ExportRefusedError(
            f"{where} is no {table.format} file, which exports/{table.name}.toml declares: its name must end in "
            f"{' or '.join(endings)}. Rename it, or correct `format`.",
            key=where,
        )


def _digested(store: ObjectStore, item: StoredObject) -> StoredObject:
    with tempfile.TemporaryDirectory(prefix="starlift-") as scratch:
        with store.fetch(item.key, Path(scratch)).open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return StoredObject(item.key, item.bytes, item.modified, digest)
