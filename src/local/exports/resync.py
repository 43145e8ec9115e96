"""A target compared with the last export that succeeded, and mended."""

import contextlib
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import duckdb

from extraction.exports.holding import hold, last_succeeded
from load.changes.resync import Difference, WholeExport, resync
from load.changes.wiring import TARGET
from transformation.delta.engine import open_engine
from transformation.delta.export import Export, read_export
from transformation.delta.registered import fetch_files
from transformation.delta.wiring import HOST_MEMORY_MB
from utils.duckdb_pipe import csv_blocks
from utils.errors import ConfigurationError
from utils.export_table import ExportTable, ExportVersion
from utils.postgres.connection import connect
from utils.postgres.url import DatabaseUrl
from utils.registry.records import Entry
from utils.registry.store import RegistryStore
from utils.store import ObjectStore

LOCK_SECONDS = 300.0  # as long as a delivery may take in the worst case


@dataclass(frozen=True)
class Compared:
    """The version that a target was compared with, and how it differed."""

    version: str
    difference: Difference


@dataclass(frozen=True)
class Series:
    """One tenant's table, and where its exports, its registry and its target are."""

    table: ExportTable
    tenant: str
    exports: ObjectStore
    registry: RegistryStore
    target: DatabaseUrl

    @property
    def name(self) -> str:
        """The name that it is locked by."""
        return f"{self.tenant}/{self.table.name}"

    def compare(self) -> Compared:
        """Say how the target differs from the last export; nothing is changed, and no execution waits."""
        return self._resync(last_succeeded(self.registry, self.name), mends=False, accepts_deletes=True)

    def mend(self, accepts_deletes: bool) -> Compared:
        """Make the target as the last export has it, while executions of the table wait."""
        owner = f"resync-{uuid.uuid4().hex[:12]}"
        with hold(self.registry, self.name, owner, time.time) as entry:
            return self._resync(entry, mends=True, accepts_deletes=accepts_deletes)

    def _resync(self, entry: Entry, mends: bool, accepts_deletes: bool) -> Compared:
        with tempfile.TemporaryDirectory(prefix="starlift-") as folder:
            scratch = Path(folder)
            with open_engine(scratch, HOST_MEMORY_MB) as engine, connect(self.target, TARGET) as session:
                export = self._fetched(entry, scratch, engine)
                whole = WholeExport(
                    self.table, self.tenant, entry.order or 0, export.columns, partial(_blocks, engine, export)
                )
                found = resync(session, whole, mends, accepts_deletes, LOCK_SECONDS)
        return Compared(entry.version, found)

    def _fetched(self, entry: Entry, scratch: Path, engine: duckdb.DuckDBPyConnection) -> Export:
        version = ExportVersion(self.tenant, self.table.name, entry.version)
        files = fetch_files(version, self.table, self.exports, entry.content, scratch)
        return read_export(files, self.table, scratch, engine)


@contextlib.contextmanager
def _blocks(engine: duckdb.DuckDBPyConnection, export: Export) -> Iterator[Iterable[bytes]]:
    query = " UNION ALL ".join(part.select(export.columns) for part in export.parts)
    with csv_blocks(engine, query) as blocks:
        yield blocks


def parse_series(text: str, tables: dict[str, ExportTable]) -> tuple[str, ExportTable]:
    """Read TENANT/TABLE, of which the table must be declared."""
    tenant, slash, name = text.partition("/")
    if not (tenant and slash and name in tables):
        known = ", ".join(tables) or "none"
        raise ConfigurationError(f"{text!r} is not TENANT/TABLE of a declared table. The project declares: {known}.")
    return tenant, tables[name]
