"""A project over a small live source, extracted into folders; what each batch holds can be asked for."""

import contextlib
import csv
import io
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from pg8000.native import Connection

from extraction.database.pipeline import Run, extract_batch
from extraction.database.ports import Ports, Rows, SourceView
from extraction.database.wiring import open_ports
from utils.batch_log import LandingLog, ProcessedLog
from utils.folder_store import FolderStore
from utils.manifest import LandingManifest, Snapshot, SourceTable, encode
from utils.postgres.url import parse_url
from utils.project import Project, read_project

NOON = datetime(2024, 11, 21, 12, 0, tzinfo=UTC)
SCHEMA = """
    CREATE TABLE department (id int PRIMARY KEY, name text NOT NULL, updated timestamptz);
    CREATE TABLE staff (
        id int PRIMARY KEY, name text, department_id int REFERENCES department, boss_id int REFERENCES staff,
        updated timestamptz
    );
    CREATE TABLE sale (id int PRIMARY KEY, staff_id int NOT NULL REFERENCES staff, units int, updated timestamptz);
    INSERT INTO department VALUES (1, 'Sales', '2024-01-01'), (2, 'Art', '2024-01-02'), (3, 'Law', '2024-01-03');
    INSERT INTO staff VALUES (10, 'Ann', 1, NULL), (11, 'Bob', 1, 10), (20, 'Cat', 2, 10), (30, 'Dan', NULL, 20);
    INSERT INTO sale VALUES (100, 10, 5), (101, 11, 6), (200, 20, 7), (300, 30, 8);
"""

_serial = count(1)


def model(driving: str, lookups: str = "", key: str = "id", more: str = "") -> str:
    """Return a model's text; `lookups` and `more` are lines of its header."""
    table = f"[lookups]\n{lookups}" if lookups else ""
    keyed = f'key = "{key}"\n' if key else ""
    return f'/*\nkind = "dimension"\n{keyed}driving = "{driving}"\n{more}\n{table}\n*/\nSELECT 1 AS id\n'


STAFF = model("staff", "department = {}")
DEPARTMENT = model("department")
SALE = model("sale", 'staff = {}\ndepartment = { from = "staff" }')


def make_project(folder: Path, models: Mapping[str, str], pipeline: str = 'cursor = "updated"\n') -> Project:
    (folder / "models").mkdir(parents=True, exist_ok=True)
    for name, text in models.items():
        (folder / "models" / f"{name}.sql").write_text(text)
    (folder / "pipeline.toml").write_text(f'name = "test"\n{pipeline}')
    return read_project(folder)


def make_run(**changes: object) -> Run:
    number = next(_serial)
    return Run(**{"run_id": f"run-{number}", "started_at": NOON, "token": f"{number:08x}", **changes})


@dataclass
class Extraction:
    """A source, a project over it, and the stores that its batches land in."""

    url: str
    project: Project
    root: Path
    user: str = "postgres"
    sessions: list[Connection] = field(default_factory=list)

    @property
    def landing(self) -> FolderStore:
        return FolderStore(self.root / "landing")

    @property
    def processed(self) -> FolderStore:
        return FolderStore(self.root / "processed")

    @property
    def log(self) -> LandingLog:
        return LandingLog(self.landing)

    @property
    def database(self) -> str:
        return parse_url(self.url, {}).database

    def ports(self):
        url = parse_url(self.url.replace("postgres@", f"{self.user}@"), {})
        return open_ports(self.project, url, self.landing, self.processed)

    def run(self, **changes: object) -> LandingManifest | None:
        with self.ports() as ports:
            return extract_batch(make_run(**changes), ports).manifest

    def run_recorded(self) -> tuple[LandingManifest | None, list[str]]:
        """Run, and return the COPY statements as well."""
        statements: list[str] = []
        with self.ports() as ports:
            recorded = replace(ports, view=lambda: _recorded(ports, statements))
            return extract_batch(make_run(), recorded).manifest, statements

    def session(self) -> Connection:
        """Open a session of another application, which the test may leave in a transaction."""
        self.sessions.append(connect(self.url))
        return self.sessions[-1]

    def edit(self, *statements: str) -> None:
        with closing(connect(self.url)) as connection:
            for statement in statements:
                connection.run(statement)

    def close(self) -> None:
        for session in self.sessions:
            session.close()

    def transformed_up_to(self, number: int) -> None:
        """Let it look as if the transformation had done its work."""
        for each in range(1, number + 1):
            self.processed.put(ProcessedLog.key(each, 1), b"{}")

    def files(self) -> list[str]:
        return [found.key for found in self.landing.list("")]

    def rows(self, manifest: LandingManifest | None, name: str, role: str = "changed") -> list[dict[str, str]]:
        """Return a role's rows of one table, in the order of the file."""
        assert manifest is not None, "no batch was made"
        files = getattr(table_of(manifest, name), role)
        texts = [self.landing.read(file.key).decode() for file in files]
        return [row for text in texts for row in csv.DictReader(io.StringIO(text))]

    def ids(self, manifest: LandingManifest | None, name: str, role: str = "changed") -> list[int]:
        return sorted(int(row["id"]) for row in self.rows(manifest, name, role))

    def roles(self, manifest: LandingManifest | None) -> dict[str, dict[str, list[int]]]:
        """Return the ids in a batch by table and role, leaving out what is empty."""
        assert manifest is not None, "no batch was made"
        found = {
            table.name: {
                role: self.ids(manifest, table.name, role)
                for role in ("changed", "affected", "context")
                if getattr(table, role)
            }
            for table in manifest.tables
        }
        return {name: roles for name, roles in found.items() if roles}


def table_of(manifest: LandingManifest, name: str) -> SourceTable:
    return next(table for table in manifest.tables if table.name == name)


@contextlib.contextmanager
def _recorded(ports: Ports, statements: list[str]) -> Iterator[SourceView]:
    with ports.view() as view:
        yield _RecordingView(view, statements)


@dataclass(frozen=True)
class _RecordingView:
    view: SourceView
    statements: list[str]

    @property
    def snapshot(self) -> Snapshot:
        return self.view.snapshot

    def tables(self) -> dict[str, SourceTable]:
        return self.view.tables()

    def row(self, query: str) -> dict[str, Any]:
        return self.view.row(query)

    def copy(self, statement: str) -> Rows:
        self.statements.append(statement)
        return self.view.copy(statement)


def connect(url: str) -> Connection:
    parts = parse_url(url, {})
    return Connection(parts.user, host=parts.host, port=parts.port, database=parts.database)


def pretend(extraction: Extraction, **changes: object) -> None:
    """Make the newest batch's snapshot say something else than the source did."""
    entry = extraction.log.read(extraction.log.newest()).manifest
    snapshot = replace(entry.snapshot, **changes)
    extraction.log.commit(replace(entry, number=entry.number + 1, run_id="earlier", snapshot=snapshot))


def forget(extraction: Extraction, snapshot: Snapshot) -> None:
    """Make the newest batch's snapshot the true one again, as time does that lets a source catch up."""
    key = extraction.log.key(extraction.log.newest())
    entry = extraction.log.read(extraction.log.newest()).manifest
    extraction.landing.put(key, encode(replace(entry, snapshot=snapshot)))
