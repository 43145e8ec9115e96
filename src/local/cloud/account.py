"""AWS as the credentials at hand see it, and the names that a deployment has there."""

from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError

from local.cloud.deployment import Deployment
from local.cloud.terraform import Terraform
from local.cloud.tools import account_id, check_tools
from utils.errors import ConfigurationError

ABSENT = "404"
DENIED = {"403", "AccessDenied"}


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


def open_deployed(deployment: Deployment) -> Terraform:
    """Return Terraform at the deployment's state; refuse where its project never had one."""
    terraform = open_terraform(deployment)
    if not has_state(terraform):
        raise not_deployed(deployment)
    terraform.init()
    return terraform


def has_state(terraform: Terraform) -> bool:
    """Tell whether the bucket of states is there, and this account's."""
    s3 = Account(terraform.region).client("s3")
    try:
        s3.head_bucket(Bucket=terraform.state_bucket, ExpectedBucketOwner=terraform.account)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == ABSENT:
            return False
        reason = "belongs to another account, or this role may not see it" if code in DENIED else str(error)
        raise ConfigurationError(f"The bucket of states {terraform.state_bucket}: {reason}.") from error
    return True


def keeps_former_states(terraform: Terraform) -> bool:
    """Tell whether the bucket of states has versions; a bootstrap that stopped half-way leaves one without."""
    bucket = {"Bucket": terraform.state_bucket, "ExpectedBucketOwner": terraform.account}
    return bool(Account(terraform.region).client("s3").get_bucket_versioning(**bucket).get("Status") == "Enabled")


def not_deployed(deployment: Deployment) -> ConfigurationError:
    """Return the error that says so, with how to change it."""
    return ConfigurationError(f"{deployment.name} is not deployed. `{deployment.command('deploy')}` does.")


def read_outputs(deployment: Deployment) -> tuple[Account, dict[str, Any]]:
    """Return the account and what the applied deployment says of itself."""
    outputs = open_deployed(deployment).outputs()
    if not outputs:
        raise not_deployed(deployment)
    return Account(deployment.answers.region), outputs


def first_post(api: str) -> str:
    """Return what a person types to send a first record."""
    return (
        f'curl -X POST {api}/ingest -H "x-api-key: $KEY" -d @records.json    # docs/delivery.md tells how to read KEY'
    )
