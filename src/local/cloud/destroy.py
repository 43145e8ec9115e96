"""`make destroy`: take a deployment down, but not its data unless told by name."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from local.cloud.account import Account, open_terraform
from local.cloud.deployment import Deployment
from local.cloud.terminal import Terminal
from local.cloud.terraform import Terraform
from utils.errors import ConfigurationError

STORES = {
    "landing": "batches",
    "processed": "batches",
    "files": "dropped files",
    "files_quarantine": "bad rows of dropped files",
}
UNPROTECTED = "-var=protect_data=false"


def destroy(deployment: Deployment, terminal: Terminal, approved: bool, give_up: str) -> None:
    """Destroy everything; `give_up` is the deployment's name where data is to be lost with it."""
    terraform = open_terraform(deployment)
    terraform.init()
    lost = list(_data(Account(terraform.region), terraform.outputs()))
    if lost and give_up != deployment.name:
        raise ConfigurationError(
            f"{deployment.name} holds data that would be lost: {'; '.join(lost)}. Nothing was changed. "
            f"To lose it: make destroy ENV={deployment.environment} GIVE_UP={deployment.name}"
        )
    if not approved and not terminal.agrees(f"Destroy {deployment.name} in account {terraform.account}?"):
        raise ConfigurationError("Nothing was changed.")
    _destroy(terraform, terminal)
    terminal.say(f"{deployment.name} is gone. The bucket of states stays: {terraform.state_bucket}", "green")


def _destroy(terraform: Terraform, terminal: Terminal) -> None:
    terminal.step("Taking the protection off")
    terraform.unprotect()
    if terraform.plan(UNPROTECTED):
        terraform.apply()
    terminal.step("Destroying")
    if terraform.plan("-destroy", UNPROTECTED):
        terraform.apply()


def _data(account: Account, outputs: Mapping[str, Any]) -> Iterator[str]:
    """Name what cannot be made again by deploying once more."""
    for name, what in STORES.items():
        if outputs.get(name) and _holds_objects(account, urlsplit(outputs[name]).netloc):
            yield f"{what} in {outputs[name]}"
    if (queue := outputs.get("files_dead_letters_url")) and (count := _count_messages(account, queue)):
        yield f"{count} dead letters in {queue}"
    for name in ("source_secret_name", "warehouse_secret_name", "files_secret_name"):
        if outputs.get(name) and _holds_value(account, outputs[name]):
            yield f"the login in the secret {outputs[name]}"
    if outputs.get("warehouse_database"):
        yield f"the warehouse on {outputs['warehouse_database']['host']}"


def _holds_objects(account: Account, bucket: str) -> bool:
    # An overwritten or removed object is data too as long as its version can be brought back.
    found = account.client("s3").list_object_versions(Bucket=bucket, MaxKeys=1)
    return bool(found.get("Versions") or found.get("DeleteMarkers"))


def _count_messages(account: Account, queue: str) -> int:
    asked = {"QueueUrl": queue, "AttributeNames": ["ApproximateNumberOfMessages"]}
    return int(account.client("sqs").get_queue_attributes(**asked)["Attributes"]["ApproximateNumberOfMessages"])


def _holds_value(account: Account, secret: str) -> bool:
    return bool(account.client("secretsmanager").describe_secret(SecretId=secret).get("VersionIdsToStages"))
