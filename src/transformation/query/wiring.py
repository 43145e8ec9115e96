"""Real ports from the Lambda's environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from transformation.query.athena import Athena, Place
from transformation.query.ports import Ports
from transformation.query.queue import SqsQueue
from transformation.query.statement import names_of
from utils.deadline import Seconds, no_limit
from utils.delivered.open_ledger import open_ledger
from utils.delivery_project import read_delivery
from utils.open_store import open_store
from utils.settings import check_present

NEEDED = ("PROJECT", "RAW", "CATALOGUE", "DATABASE", "WORKGROUP", "RESULTS", "LEDGER", "QUEUE_URL")


@dataclass(frozen=True)
class Config:
    """What the Lambda's environment says."""

    project: Path
    raw: str
    place: Place
    ledger: str
    queue_url: str

    @classmethod
    def from_env(cls, environment: Mapping[str, str]) -> "Config":
        """Read the settings, or raise ConfigurationError that names every missing one."""
        check_present(environment, NEEDED)
        project, raw, catalogue, database, workgroup, results, ledger, queue = (environment[name] for name in NEEDED)
        return cls(Path(project), raw, Place(catalogue, database, workgroup, results), ledger, queue)


def open_lambda_ports(config: Config, seconds_left: Seconds = no_limit) -> Ports:
    """Bind the query to all that the Lambda's environment names."""
    project = read_delivery(config.project)
    return Ports(
        project=project,
        lake=Athena(config.place, names_of(project), seconds_left),
        database=config.place.database,
        store=open_store(config.raw),
        ledger=open_ledger(config.ledger),
        queue=SqsQueue(config.queue_url),
        seconds_left=seconds_left,
    )
