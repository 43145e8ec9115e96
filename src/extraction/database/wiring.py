"""Extraction's real ports, from the project and from the Lambda's environment."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from extraction.database.catalogue import read_usable_catalogue
from extraction.database.ports import Ports
from extraction.database.snapshot import begin
from extraction.database.wal import Position, await_flush
from utils.batch_log import LandingLog, ProcessedLog
from utils.errors import SourceUnavailableError
from utils.manifest import Snapshot, SourceTable
from utils.open_store import open_store
from utils.postgres.connection import Connection, Role, connect
from utils.postgres.copy_out import CopyOut
from utils.postgres.url import DatabaseUrl
from utils.project import Project, read_project
from utils.secrets import read_database_secret
from utils.settings import check_present
from utils.store import ObjectStore

SOURCE = Role("source", SourceUnavailableError)
NEEDED = ("PROJECT", "LANDING", "PROCESSED", "SOURCE_SECRET")


@dataclass(frozen=True)
class PostgresView:
    """One transaction of the source database."""

    connection: Connection
    project: Project
    snapshot: Snapshot
    position: Position | None

    def tables(self) -> dict[str, SourceTable]:
        """Return every tracked table's definition."""
        return read_usable_catalogue(self.connection, self.project)

    def copy(self, statement: str) -> CopyOut:
        """Start a COPY ... TO STDOUT."""
        return self.connection.copy_out(statement, self.project.max_row_bytes)

    def row(self, query: str) -> dict[str, Any]:
        """Return a query's only row."""
        return self.connection.rows(query)[0]


def open_source(source: DatabaseUrl) -> contextlib.AbstractContextManager[Connection]:
    """Connect to the source."""
    return connect(source, SOURCE)


@contextlib.contextmanager
def open_view(project: Project, source: DatabaseUrl) -> Iterator[PostgresView]:
    """Open the one read-only transaction that a batch is read in."""
    with open_source(source) as connection:
        yield PostgresView(connection, project, *begin(connection))


@contextlib.contextmanager
def open_lasting_view(project: Project, source: DatabaseUrl) -> Iterator[PostgresView]:
    """Open the same for a batch to be kept: it ends once nothing that it saw can be undone by a crash of the source."""
    with open_view(project, source) as view:
        yield view
        if view.position:
            await_flush(view.connection, view.position)


@contextlib.contextmanager
def open_ports(project: Project, source: DatabaseUrl, landing: ObjectStore, processed: ObjectStore) -> Iterator[Ports]:
    """Bind the stage to a source and its stores; the source is reached when its view is opened."""
    yield Ports(project, lambda: open_lasting_view(project, source), LandingLog(landing), ProcessedLog(processed))


@dataclass(frozen=True)
class Config:
    """What the Lambda's environment says."""

    project: Path
    landing: str
    processed: str
    source_secret: str

    @classmethod
    def from_env(cls, environment: Mapping[str, str]) -> "Config":
        """Read the settings, or raise ConfigurationError that names every missing one."""
        check_present(environment, NEEDED)
        project, landing, processed, secret = (environment[name] for name in NEEDED)
        return cls(Path(project), landing, processed, secret)


@contextlib.contextmanager
def open_lambda_ports(config: Config) -> Iterator[Ports]:
    """Bind the stage to all that the Lambda's environment names."""
    project, source = read_project(config.project), read_database_secret(config.source_secret)
    with open_ports(project, source, open_store(config.landing), open_store(config.processed)) as ports:
        yield ports
