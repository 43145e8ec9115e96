"""The delta's real ports, from the project and from the Lambda's environment."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from transformation.delta.ports import KnownContent, Ports, Stream
from utils.export_project import read_exports
from utils.export_table import ExportVersion
from utils.open_store import open_store
from utils.registry.claim import Claim, Lease
from utils.registry.open_registry import open_registry
from utils.registry.store import RegistryStore
from utils.settings import check_present

NEEDED = ("PROJECT", "EXPORTS", "CHANGES", "REGISTRY", "STREAM")
HOST_MEMORY_MB = 1_000  # what DuckDB may use on a host that is not a Lambda
BESIDE_DUCKDB_MB = 600  # of a Lambda's memory: Python, batches in flight, and what DuckDB does not count


@dataclass(frozen=True)
class Config:
    """What the Lambda's environment says."""

    project: Path
    exports: str
    changes: str
    registry: str
    stream: str
    memory_mb: int
    athena_database: str = ""  # these two or neither: where exports outgrow one function
    athena_workgroup: str = ""
    compared: str = ""  # what Athena writes on the way; beside the changes where it has no place of its own

    @classmethod
    def from_env(cls, environment: Mapping[str, str]) -> "Config":
        """Read the settings, or raise ConfigurationError that names every missing one."""
        check_present(environment, NEEDED)
        project, *others = (environment[name] for name in NEEDED)
        memory = int(environment.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", HOST_MEMORY_MB + BESIDE_DUCKDB_MB))
        exports, changes, registry, stream = others
        athena = (environment.get(name, "") for name in ("ATHENA_DATABASE", "ATHENA_WORKGROUP", "COMPARED"))
        memory_mb = max(200, memory - BESIDE_DUCKDB_MB)
        return cls(Path(project), exports, changes, registry, stream, memory_mb, *athena)


def open_ports(config: Config, claim: Claim, stream: Stream) -> Ports:
    """Bind one claimed version to the stores, the registry and a stream."""
    registry = open_registry(config.registry)
    return Ports(
        tables=read_exports(config.project),
        exports=open_store(config.exports),
        changes=open_store(config.changes),
        compared=open_store(config.compared or config.changes),
        known_content=_known_content(registry),
        lease=Lease(registry, claim),
        stream=stream,
        scratch=Path(tempfile.gettempdir()),
        memory_mb=config.memory_mb,
    )


def open_lambda_ports(config: Config, claim: Claim) -> Ports:
    """Bind one claimed version to all that the Lambda's environment names."""
    from transformation.delta.athena import AthenaByBoto  # one machine does not wait for boto3
    from transformation.delta.kinesis import KinesisStream

    ports = open_ports(config, claim, KinesisStream.open(config.stream))
    if not (config.athena_database and config.athena_workgroup):
        return ports
    return replace(ports, athena=AthenaByBoto.open(config.athena_database, config.athena_workgroup))


def _known_content(registry: RegistryStore) -> KnownContent:
    def known(version: ExportVersion) -> str | None:
        entry = registry.entry(version.series, version.version)
        return entry.content if entry else None

    return known
