"""AWS as the credentials at hand see it, and the names that a deployment has there."""

from dataclasses import dataclass
from typing import Any

import boto3

from local.cloud.deployment import Deployment
from local.cloud.terraform import Terraform
from local.cloud.tools import account_id, check_tools
from utils.errors import ConfigurationError


@dataclass(frozen=True)
class Account:
    """One region of the account, for clients of its services."""

    region: str

    def client(self, service: str, /) -> Any:
        """Return a boto3 client of one service."""
        return boto3.client(service, region_name=self.region)  # type: ignore[call-overload]


def open_terraform(deployment: Deployment) -> Terraform:
    """Check tools and credentials, and return Terraform for the deployment."""
    check_tools()
    return Terraform(deployment, account_id(deployment.answers.region))


def read_outputs(deployment: Deployment) -> tuple[Account, dict[str, Any]]:
    """Return the account and what the applied deployment says of itself."""
    terraform = open_terraform(deployment)
    terraform.init()
    outputs = terraform.outputs()
    if not outputs:
        raise ConfigurationError(f"{deployment.name} is not deployed. `make deploy ENV={deployment.environment}` does.")
    return Account(deployment.answers.region), outputs
