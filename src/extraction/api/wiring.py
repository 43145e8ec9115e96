"""Real ports from the Lambda's environment, kept while its process lives: POSTs come one upon another."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from extraction.api.ports import Ports
from utils.delivery_project import read_delivery
from utils.open_store import open_store
from utils.settings import check_present

NEEDED = ("PROJECT", "RAW")


@dataclass(frozen=True)
class Config:
    """What the Lambda's environment says."""

    project: Path
    raw: str

    @classmethod
    def from_env(cls, environment: Mapping[str, str]) -> "Config":
        """Read the settings, or raise ConfigurationError that names every missing one."""
        check_present(environment, NEEDED)
        return cls(Path(environment["PROJECT"]), environment["RAW"])


@functools.lru_cache(maxsize=1)
def open_lambda_ports(config: Config) -> Ports:
    """Bind the function to its project and store, whose connections later invocations use again."""
    return Ports(read_delivery(config.project), open_store(config.raw))
