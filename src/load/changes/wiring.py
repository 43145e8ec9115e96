"""The real ports of applying changes, from the project and from the Lambda's environment."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from load.changes.ports import Ports
from utils.errors import WarehouseUnavailableError
from utils.export_project import read_exports
from utils.export_table import ExportTable
from utils.open_store import open_store
from utils.postgres.connection import Role, connect
from utils.postgres.url import DatabaseUrl
from utils.secrets import read_database_secret
from utils.settings import check_present
from utils.store import ObjectStore

TARGET = Role("target", WarehouseUnavailableError)
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
        return cls(
            project=Path(environment["PROJECT"]),
            processed=environment["PROCESSED"],
            warehouse_secret=environment["WAREHOUSE_SECRET"],
        )


@contextlib.contextmanager
def open_ports(tables: Mapping[str, ExportTable], target: DatabaseUrl, bodies: ObjectStore) -> Iterator[Ports]:
    """Connect to the target database for as long as the block lasts."""
    with connect(target, TARGET) as session:
        yield Ports(target=session, tables=tables, bodies=bodies)


@contextlib.contextmanager
def open_lambda_ports(config: Config) -> Iterator[Ports]:
    """Connect to all that the Lambda's environment names."""
    url = read_database_secret(config.warehouse_secret)
    with open_ports(read_exports(config.project), url, open_store(config.processed)) as ports:
        yield ports
