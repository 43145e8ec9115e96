"""The load stage's real ports, from the project and from the Lambda's environment."""

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from load.warehouse.ports import HOST_MEMORY_MB, Ports
from utils.definition import definitions
from utils.errors import WarehouseUnavailableError
from utils.open_store import open_store
from utils.postgres.connection import Role, connect
from utils.postgres.url import DatabaseUrl
from utils.project import Project, read_project
from utils.secrets import read_database_secret
from utils.settings import check_present
from utils.store import ObjectStore

BESIDE_DUCKDB_MB = 160  # of a Lambda's memory: Python, and what DuckDB does not count
WAREHOUSE = Role("warehouse", WarehouseUnavailableError)
NEEDED = ("PROJECT", "PROCESSED", "WAREHOUSE_SECRET")


@dataclass(frozen=True)
class Config:
    """What the Lambda's environment says."""

    project: Path
    processed: str
    warehouse_secret: str
    memory_mb: int

    @classmethod
    def from_env(cls, environment: Mapping[str, str]) -> "Config":
        """Read the settings, or raise ConfigurationError that names every missing one."""
        check_present(environment, NEEDED)
        memory = int(environment.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", HOST_MEMORY_MB + BESIDE_DUCKDB_MB))
        return cls(
            project=Path(environment["PROJECT"]),
            processed=environment["PROCESSED"],
            warehouse_secret=environment["WAREHOUSE_SECRET"],
            memory_mb=max(96, memory - BESIDE_DUCKDB_MB),
        )


@contextlib.contextmanager
def open_ports(
    project: Project,
    warehouse: DatabaseUrl,
    processed: ObjectStore,
    scratch: Path,
    accepted_deletes: frozenset[str] = frozenset(),
) -> Iterator[Ports]:
    """Connect to the warehouse for as long as the block lasts."""
    with connect(warehouse, WAREHOUSE) as session:
        yield Ports(
            warehouse=session,
            processed=processed,
            scratch=scratch,
            schema=project.warehouse_schema,
            accepted_deletes=accepted_deletes,
            definitions=definitions(project),
        )


@contextlib.contextmanager
def open_lambda_ports(config: Config, accepted_deletes: frozenset[str]) -> Iterator[Ports]:
    """Connect to all that the Lambda's environment names."""
    project = read_project(config.project)
    url = read_database_secret(config.warehouse_secret)
    processed, scratch = open_store(config.processed), Path(tempfile.gettempdir())
    with open_ports(project, url, processed, scratch, accepted_deletes) as ports:
        yield replace(ports, memory_mb=config.memory_mb)
