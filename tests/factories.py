"""Landed batches and projects small enough to read in a test, with full defaults."""

import contextlib
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb

from tests.manifest_factories import column, landing_manifest, snapshot, source_table
from transformation.star_schema import wiring
from transformation.star_schema.pipeline import transform_batch, transform_pending
from utils.batch_log import LandingLog, ProcessedLog
from utils.deadline import no_deadline
from utils.errors import ModelError
from utils.folder_store import FolderStore
from utils.manifest import ForeignKey, ProcessedManifest, SourceTable, WarehouseTable
from utils.paths import find_paths
from utils.project import Project, read_project
from utils.store import DataFile

Row = Sequence[object]
ROLES = ("changed", "affected", "context")


def csv_line(row: Row) -> str:
    """Return one line as COPY writes it: NULL is nothing, an empty string is quoted."""
    return ",".join("" if value is None else _csv_value(str(value)) for value in row) + "\n"


def _csv_value(text: str) -> str:
    special = text == "" or any(character in text for character in ',"\n\r')
    return '"' + text.replace('"', '""') + '"' if special else text


def foreign_key(columns: str, table: str, key: str) -> ForeignKey:
    return ForeignKey((columns,), table, (key,))


@dataclass(frozen=True)
class Source:
    """One source table and the rows that a batch holds of it, by role."""

    table: SourceTable
    rows: Mapping[str, Sequence[Row]] = field(default_factory=dict)

    def holding(self, *changed: Row, affected: Iterable[Row] = (), context: Iterable[Row] = ()) -> "Source":
        return replace(self, rows={"changed": changed, "affected": tuple(affected), "context": tuple(context)})

    def having(self, **changes: object) -> "Source":
        return replace(self, table=replace(self.table, **changes))


def source(name: str, columns: Mapping[str, str], **changes: object) -> Source:
    """Return an empty table of PostgreSQL types by column, whose first column is its key."""
    key = (next(iter(columns)),)
    values = {
        "columns": tuple(column(n, type=t, declared=t) for n, t in columns.items()),
        "primary_key": key,
        "unique_keys": (key,),
        "whole": False,
    }
    return Source(source_table(name, **values | changes))


def write_project(folder: Path, models: Mapping[str, str], pipeline: str = "", **lookups: str) -> Project:
    """Write models by file name, lookup files by stem, and pipeline.toml; return the project read back."""
    for name, text in models.items():
        _write(folder / "models" / name, text)
    for name, text in lookups.items():
        _write(folder / "lookups" / f"{name}.csv", text)
    _write(folder / "pipeline.toml", pipeline)
    return read_project(folder)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def sql_model(body: str, driving: str | None = "item", kind: str = "dimension", key: str = "id", more: str = "") -> str:
    """Return a SQL model's text; `more` is the rest of its header."""
    driven = f'driving = "{driving}"\n' if driving else ""
    return f'/*\nkind = "{kind}"\nkey = "{key}"\n{driven}{more}\n*/\n{body}\n'


@dataclass(frozen=True)
class Stage:
    """A project with both its stores in one folder."""

    project: Project
    root: Path

    @property
    def landing(self) -> FolderStore:
        return FolderStore(self.root / "landing")

    @property
    def processed(self) -> FolderStore:
        return FolderStore(self.root / "processed")

    @property
    def scratch(self) -> Path:
        path = self.root / "scratch"
        path.mkdir(parents=True, exist_ok=True)
        return path

    def land(self, *sources: Source, number: int = 1, **changes: object) -> None:
        """Write and commit one batch."""
        tables = tuple(replace(part.table, **self._files(part, number)) for part in sources)
        values = {"number": number, "run_id": f"run-{number}", "tables": tables, "base": 1, "snapshot": snapshot()}
        with contextlib.suppress(ModelError):  # which the stage is to find
            paths = find_paths(self.project.models, {table.name: table for table in tables})
            values["paths"] = tuple(map(str, paths))
        LandingLog(self.landing).commit(landing_manifest(**values | changes))

    def _files(self, part: Source, number: int) -> dict[str, tuple[DataFile, ...]]:
        return {role: self._file(part, role, number) for role in ROLES if part.rows.get(role)}

    def _file(self, part: Source, role: str, number: int) -> tuple[DataFile, ...]:
        names = [found.name for found in part.table.columns]
        body = "".join(map(csv_line, [names, *part.rows[role]])).encode()
        key = f"{part.table.name}/{number}-{role}.csv"
        written = self.landing.write(key, [body])
        longest = max(len(csv_line(row).encode()) for row in part.rows[role])
        return (DataFile(key, len(part.rows[role]), written.bytes, hashlib.sha256(body).hexdigest(), longest),)

    def transform(self, deadline=no_deadline, catalogue=None) -> dict:
        """Run the stage over every batch that waits."""
        with wiring.open_ports(self.project, self.landing, self.processed, self.scratch, catalogue) as ports:
            return transform_pending("run-t", ports, deadline)

    def transform_again(self, number: int) -> ProcessedManifest:
        with wiring.open_ports(self.project, self.landing, self.processed, self.scratch) as ports:
            manifest = transform_batch("again", ports.landing.read(number), ports)
            ports.processed.commit(manifest)
            return manifest

    def manifest(self, number: int = 1) -> ProcessedManifest:
        return ProcessedLog(self.processed).read(number)

    def table(self, name: str, number: int = 1) -> WarehouseTable:
        return next(table for table in self.manifest(number).tables if table.name == name)

    def rows(self, name: str, number: int = 1, columns: str = "* EXCLUDE (_late)") -> list[tuple]:
        """Return the rows that a batch holds of a warehouse table, in the order of their first columns."""
        return self._read(self.table(name, number).rows, columns)

    def gone(self, name: str, number: int = 1) -> list[tuple]:
        return self._read(self.table(name, number).gone, "*")

    def _read(self, files: Sequence[DataFile], columns: str) -> list[tuple]:
        paths = [str(self.processed.root / file.key) for file in files]
        if not paths:
            return []
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            return connection.execute(f"SELECT {columns} FROM read_parquet({paths}) ORDER BY ALL").fetchall()

    def quarantined(self, name: str, number: int = 1) -> list[dict]:
        texts = [(self.processed.root / file.key).read_text() for file in self.table(name, number).quarantine]
        return [json.loads(line) for text in texts for line in text.splitlines()]
