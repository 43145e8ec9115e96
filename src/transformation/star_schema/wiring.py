"""Transformation's real ports, from the project and from the Lambda's environment."""

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from transformation.star_schema.ports import Catalogue, NoCatalogue, Ports
from utils.batch_log import LandingLog, ProcessedLog
from utils.manifest import WarehouseTable
from utils.open_store import open_store
from utils.project import Project, read_project
from utils.settings import check_present
from utils.store import ObjectStore

NEEDED = ("PROJECT", "LANDING", "PROCESSED")
HOST_MEMORY_MB = 1000  # what DuckDB may use on a host that is not a Lambda
BESIDE_DUCKDB_MB = 600  # of a Lambda's memory: Python, pandas, and what DuckDB does not count


@contextlib.contextmanager
def open_ports(
    project: Project, landing: ObjectStore, processed: ObjectStore, scratch: Path, catalogue: Catalogue | None = None
) -> Iterator[Ports]:
    """Bind the stage to its stores."""
    yield Ports(
        project, LandingLog(landing), ProcessedLog(processed), scratch, HOST_MEMORY_MB, catalogue or NoCatalogue()
    )


@dataclass(frozen=True)
class Config:
    """What the Lambda's environment says."""

    project: Path
    landing: str
    processed: str
    glue_database: str | None
    memory_mb: int

    @classmethod
    def from_env(cls, environment: Mapping[str, str]) -> "Config":
        """Read the settings, or raise ConfigurationError that names every missing one."""
        check_present(environment, NEEDED)
        memory = int(environment.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", HOST_MEMORY_MB + BESIDE_DUCKDB_MB))
        return cls(
            project=Path(environment["PROJECT"]),
            landing=environment["LANDING"],
            processed=environment["PROCESSED"],
            glue_database=environment.get("GLUE_DATABASE") or None,
            memory_mb=max(200, memory - BESIDE_DUCKDB_MB),
        )


def open_lambda_ports(config: Config) -> Ports:
    """Bind the stage to all that the Lambda's environment names."""
    return Ports(
        project=read_project(config.project),
        landing=LandingLog(open_store(config.landing)),
        processed=ProcessedLog(open_store(config.processed)),
        scratch=Path(tempfile.gettempdir()),
        memory_mb=config.memory_mb,
        catalogue=LazyGlue(config.glue_database, config.processed) if config.glue_database else NoCatalogue(),
    )


@dataclass(frozen=True)
class LazyGlue:
    """The Glue catalogue, imported only when a table is registered: awswrangler takes a second."""

    database: str
    root: str

    def register(self, table: WarehouseTable) -> None:
        """Make a table and its columns known to Glue."""
        from transformation.star_schema.glue import GlueCatalogue

        GlueCatalogue(self.database, self.root).register(table)
