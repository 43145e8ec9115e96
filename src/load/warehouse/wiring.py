"""The load stage's real ports, from the project and from the Lambda's environment."""

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from load.warehouse.ports import Ports
from utils.definition import definitions
from utils.errors import WarehouseUnavailableError
from utils.open_store import open_store
from utils.postgres.connection import Role, connect
from utils.postgres.url import DatabaseUrl
from utils.project import Project, read_project
from utils.secrets import read_database_secret
from utils.settings import check_present
from utils.store import ObjectStore

WAREHOUSE = Role("warehouse", WarehouseUnavailableError)
NEEDED = ("PROJECT", "PROCESSED", "WAREHOUSE_SECRET")


@dataclass(frozen=True)
class Config:
    """What the Lambda's environment says."""

    project: Path
    processed: str
    warehouse_secret: str

    @classmethod
    def from_env(cls, environment: Mapping[str, str]) -> "Config":
        """Read the settings, or raise ConfigurationError that names every missing one."""
        check_present(environment, NEEDED)
        return cls(Path(environment["PROJECT"]), environment["PROCESSED"], environment["WAREHOUSE_SECRET"])


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
        yield ports
