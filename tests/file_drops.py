"""Dropped files small enough to read in a test, a project that declares their tables, and a database to load into."""

import hashlib
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from load.files.pipeline import load_file
from load.files.ports import DroppedFile, Ports
from load.files.wiring import TARGET, make_ports
from utils.errors import ObjectChangedError
from utils.file_project import read_file_project
from utils.folder_store import FolderStore
from utils.postgres.connection import connect
from utils.postgres.url import parse_url

READINGS = """
file_column = "source_file"
[columns]
id = { type = "integer", required = true }
model = { type = "text" }
fuel = { type = "numeric(4,1)" }
"""
PLAIN = """
[columns]
id = { type = "integer" }
model = { type = "text" }
"""
HEADER = "id,model,fuel\n"


@dataclass(frozen=True)
class FolderObjects:
    """Contents of keys, each in a file named by its etag; a key has its newest only, as a bucket without versions."""

    folder: Path
    block_bytes: int = 1 << 20

    def put(self, key: str, body: bytes) -> str:
        etag = hashlib.sha256(body).hexdigest()[:32]
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(etag.encode() + b"\n" + body)
        return etag

    def read(self, dropped: DroppedFile):
        etag, _, body = self._path(dropped.key).read_bytes().partition(b"\n")
        if etag.decode() != dropped.etag:
            raise ObjectChangedError(f"{dropped.key} was overwritten.")
        yield from (body[at : at + self.block_bytes] for at in range(0, len(body), self.block_bytes))

    def _path(self, key: str) -> Path:
        return self.folder / hashlib.sha256(key.encode()).hexdigest()


@dataclass(frozen=True)
class Drop:
    """One project's file drop."""

    url: str
    folder: Path
    serial: itertools.count = field(default_factory=lambda: itertools.count(1))

    @property
    def objects(self) -> FolderObjects:
        return FolderObjects(self.folder / "bucket")

    @property
    def quarantine(self) -> FolderStore:
        return FolderStore(self.folder / "quarantine")

    @property
    def ports(self) -> Ports:
        project = read_file_project(self.folder / "project")
        return replace(make_ports(project, parse_url(self.url), self.quarantine, self.objects), lock_seconds=5.0)

    def declare(self, settings: str = "", **tables: str) -> "Drop":
        files = self.folder / "project/files"
        files.mkdir(parents=True, exist_ok=True)
        (self.folder / "project/pipeline.toml").write_text(f'name = "test"\n{settings}')
        for name, text in tables.items():
            (files / f"{name}.toml").write_text(text)
        return self

    def put(self, key: str, content: str | bytes, **changes: object) -> DroppedFile:
        body = content.encode() if isinstance(content, str) else content
        etag = self.objects.put(key, body)
        sequencer = f"0055AED6DC{next(self.serial):08X}"
        return replace(DroppedFile("drop", key, etag, "", sequencer, len(body)), **changes)

    def load(self, dropped: DroppedFile, change: Callable[[Ports], Ports] = lambda ports: ports):
        return load_file(dropped, change(self.ports))

    def drop(self, key: str, content: str | bytes):
        return self.load(self.put(key, content))

    def ask(self, statement: str, **parameters: object) -> list[list[object]]:
        with connect(parse_url(self.url), TARGET) as session:
            return [list(row) for row in session.run(statement, **parameters) or ()]

    def rows(self, table: str = "readings", columns: str = "id, model") -> list[list[object]]:
        return self.ask(f"SELECT {columns} FROM public.{table} ORDER BY 1, 2")

    def ledger(self, columns: str = "outcome, rows_read, rows_copied, rows_rejected") -> list[list[object]]:
        return self.ask(f"SELECT {columns} FROM starlift.processed_files ORDER BY id")

    def rejected(self) -> list[Mapping[str, object]]:
        paths = sorted(self.quarantine.root.rglob("*.jsonl"))
        return [json.loads(line) for path in paths for line in path.read_text().splitlines()]


def csv(*rows: Sequence[object], header: str = HEADER) -> str:
    return header + "".join(",".join(map(str, row)) + "\n" for row in rows)
