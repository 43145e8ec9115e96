"""`make destroy`: take a deployment down, but not its data unless told by name."""

import contextlib
from collections.abc import Iterable, Iterator

from botocore.exceptions import ClientError

from local.cloud.account import Account, not_deployed, open_deployed
from local.cloud.deployment import Deployment
from local.cloud.terminal import Terminal
from local.cloud.terraform import Resource, Terraform
from utils.errors import ConfigurationError

# Without the pipeline no package is needed, which a fresh copy of the repository lacks, and no run starts meanwhile.
WITHOUT_FUNCTIONS = "-var=functions_enabled=false"
UNPROTECTED = ("-var=protect_data=false", WITHOUT_FUNCTIONS)
HELD = {  # by the bucket that holds it, as Terraform addresses it
    'module.file_drop[0].module.bucket["files"]': "dropped files",
    'module.file_drop[0].module.bucket["rejected"]': "bad rows of dropped files",
    'module.export_delta[0].module.bucket["exports"]': "exports",
    'module.export_delta[0].module.bucket["changes"]': "changes of exports",
    'module.export_delta[0].module.bucket["refused"]': "changes that the target refused",
    'module.delivery[0].module.bucket["raw"]': "records",
}
TEMPORARY = (  # `make build` writes packages again, and a query can be asked again
    ".module.artifacts.",
    '.module.bucket["results"]',
    '.module.bucket["compared"]',
)
TABLES = {"registry": "the registry of exports", "ledger": "the ledger of delivered records"}
ABSENT = {"NoSuchBucket", "ResourceNotFoundException", "AWS.SimpleQueueService.NonExistentQueue"}


def destroy(deployment: Deployment, terminal: Terminal, approved: bool, give_up: str) -> None:
    """Destroy everything; `give_up` is the deployment's name where data is to be lost with it."""
    terraform = open_deployed(deployment)
    resources = terraform.resources()
    if not resources:
        raise not_deployed(deployment)
    lost = list(_data(Account(terraform.region), resources))
    if lost and give_up != deployment.name:
        raise ConfigurationError(
            f"{deployment.name} holds data that would be lost: {'; '.join(lost)}. Nothing was changed. "
            f"To lose it: {deployment.command('destroy')} GIVE_UP={deployment.name}"
        )
    if not approved and not terminal.agrees(f"Destroy {deployment.name} in account {terraform.account}?"):
        raise ConfigurationError("Nothing was changed.")
    _destroy(terraform, terminal, resources)
    terminal.say(f"{deployment.name} is gone. The bucket of states stays: {terraform.state_bucket}", "green")


def _destroy(terraform: Terraform, terminal: Terminal, resources: Iterable[Resource]) -> None:
    # The pipelines go by themselves: their destruction and the buckets' change in one plan would wait for each other.
    _carry_out(terraform, terminal, "Stopping the pipelines", WITHOUT_FUNCTIONS)
    terraform.unprotect()
    _carry_out(terraform, terminal, "Taking the protection off", *UNPROTECTED)
    _take_role_back(Account(terraform.region), resources)
    _carry_out(terraform, terminal, "Destroying", "-destroy", *UNPROTECTED)


def _take_role_back(account: Account, resources: Iterable[Resource]) -> None:
    """Let API Gateway name no role in this account any more if it is ours, which Terraform would leave there."""
    ours = {found["values"]["cloudwatch_role_arn"] for found in resources if found["type"] == "aws_api_gateway_account"}
    client = account.client("apigateway")
    if ours and client.get_account().get("cloudwatchRoleArn") in ours:
        emptied = {"op": "replace", "path": "/cloudwatchRoleArn", "value": ""}
        client.update_account(patchOperations=[emptied])


def _carry_out(terraform: Terraform, terminal: Terminal, step: str, *options: str) -> None:
    terminal.step(step)
    if terraform.plan(*options):
        terraform.apply()


def _data(account: Account, resources: Iterable[Resource]) -> Iterator[str]:
    """Name what cannot be made again by deploying once more.

    The state is asked, not its outputs: those may be missing after an apply or a destroy that stopped half-way.
    """
    for resource in resources:
        kind, values = resource["type"], resource["values"]
        if kind == "aws_s3_bucket" and _is_kept(resource) and _holds_objects(account, values["bucket"]):
            yield f"{_held(resource)} in s3://{values['bucket']}"
        if kind == "aws_sqs_queue" and resource["address"].endswith(".dead_letters"):
            yield from _dead_letters(account, values["url"])
        if kind == "aws_secretsmanager_secret" and _holds_value(account, values["name"]):
            yield f"the login in the secret {values['name']}"
        if kind == "aws_dynamodb_table" and _holds_items(account, values["name"]):
            yield f"{TABLES[resource['address'].rpartition('.')[2]]} in {values['name']}"
        if kind == "aws_db_instance":
            yield f"the warehouse on {values['address']}"


def _is_kept(bucket: Resource) -> bool:
    return not any(name in bucket["address"] for name in TEMPORARY)


def _held(bucket: Resource) -> str:
    return next((what for module, what in HELD.items() if bucket["address"].startswith(module)), "batches")


def _holds_objects(account: Account, bucket: str) -> bool:
    # An overwritten or removed object is data too as long as its version can be brought back.
    with _absence_is_no_data():
        found = account.client("s3").list_object_versions(Bucket=bucket, MaxKeys=1)
        return bool(found.get("Versions") or found.get("DeleteMarkers"))
    return False


def _dead_letters(account: Account, queue: str) -> Iterator[str]:
    asked = {"QueueUrl": queue, "AttributeNames": ["ApproximateNumberOfMessages"]}
    with _absence_is_no_data():
        found = account.client("sqs").get_queue_attributes(**asked)["Attributes"]["ApproximateNumberOfMessages"]
        if int(found):
            yield f"{found} dead letters in {queue}"


def _holds_value(account: Account, secret: str) -> bool:
    with _absence_is_no_data():
        return bool(account.client("secretsmanager").describe_secret(SecretId=secret).get("VersionIdsToStages"))
    return False


def _holds_items(account: Account, table: str) -> bool:
    with _absence_is_no_data():
        return bool(account.client("dynamodb").scan(TableName=table, Limit=1)["Count"])
    return False


@contextlib.contextmanager
def _absence_is_no_data() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] not in ABSENT:
            raise
