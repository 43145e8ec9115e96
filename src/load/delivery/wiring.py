"""The real ports of delivery, from the project and from the Lambda's environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import boto3

from load.delivery.client import HttpClient
from load.delivery.dead_letters import DeadLetterQueue
from load.delivery.endpoint import NEEDED as ENDPOINT_FIELDS
from load.delivery.endpoint import Endpoint, parse_endpoint
from load.delivery.ports import Ports
from utils.deadline import Seconds, no_limit
from utils.delivered.open_ledger import open_ledger
from utils.delivery_project import read_delivery
from utils.secrets import read_secret
from utils.settings import check_present

NEEDED = ("PROJECT", "ENDPOINT_SECRET", "LEDGER", "DLQ_URL")


@dataclass(frozen=True)
class Config:
    """What the Lambda's environment says."""

    project: Path
    endpoint_secret: str
    ledger: str
    dlq_url: str

    @classmethod
    def from_env(cls, environment: Mapping[str, str]) -> "Config":
        """Read the settings, or raise ConfigurationError that names every missing one."""
        check_present(environment, NEEDED)
        project, *others = (environment[name] for name in NEEDED)
        return cls(Path(project), *others)


def read_endpoint(secret: str) -> Endpoint:
    """Return the endpoint that a secret of Secrets Manager describes."""
    return parse_endpoint(read_secret(secret, ENDPOINT_FIELDS), secret)


def open_lambda_ports(config: Config, seconds_left: Seconds = no_limit) -> Ports:
    """Bind delivery to all that the Lambda's environment names; the secret is read anew, as it may have changed."""
    return Ports(
        endpoint=HttpClient(read_endpoint(config.endpoint_secret)),
        ledger=open_ledger(config.ledger),
        dead_letters=DeadLetterQueue(config.dlq_url, boto3.client("sqs")),
        limits=read_delivery(config.project).delivery,
        seconds_left=seconds_left,
    )
