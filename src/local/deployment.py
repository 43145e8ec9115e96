"""Deploy the warehouse pipeline to the emulated AWS, as Terraform does to the real one."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.aws import EmulatedAws
from local.packaging.functions import HANDLERS, STAGES
from local.packaging.packages import Package
from local.sandbox.spec import REGION
from local.state_machine import render_definition

LANDING = "starlift-landing"
PROCESSED = "starlift-processed"
FUNCTIONS = "starlift-functions"  # the zips
SOURCE_SECRET = "starlift/source"  # noqa: S105 - a secret's name
WAREHOUSE_SECRET = "starlift/warehouse"  # noqa: S105 - a secret's name


@dataclass(frozen=True)
class Settings:
    """What one deployment is told: its project, its databases, and its functions' limits."""

    project: str  # the project's folder inside the zips
    source: Mapping[str, Any]  # an RDS secret: host, port, username, password, dbname
    warehouse: Mapping[str, Any]
    memory_mb: int = 1024
    timeout: int = 900  # seconds
    environment: Mapping[str, str] = field(default_factory=dict)  # over and above what every deployment has


@dataclass(frozen=True)
class Deployment:
    """The names of what was deployed."""

    state_machine_arn: str
    topic_arn: str
    inbox_url: str  # a queue that holds every alert the topic sent
    landing: str = LANDING
    processed: str = PROCESSED


def deploy_warehouse(aws: EmulatedAws, packages: Mapping[str, Package], settings: Settings) -> Deployment:
    """Create buckets, secrets, topic, functions and state machine, and return their names."""
    _create_buckets(aws, [LANDING, PROCESSED, FUNCTIONS])
    _create_secrets(aws, {SOURCE_SECRET: settings.source, WAREHOUSE_SECRET: settings.warehouse})
    topic, inbox = _create_topic(aws)
    role = _create_role(aws)
    values = {f"{stage}_function_arn": _create_function(aws, packages[stage], role, settings) for stage in STAGES}
    definition = render_definition({**values, "alerts_topic_arn": topic})
    machine = aws.client("stepfunctions").create_state_machine(
        name="starlift-warehouse", definition=definition, roleArn=role
    )
    return Deployment(machine["stateMachineArn"], topic, inbox)


def read_alerts(aws: EmulatedAws, deployment: Deployment) -> list[Mapping[str, str]]:
    """Take the alerts out of the inbox, each with its Subject and Message."""
    sqs = aws.client("sqs")
    alerts: list[Mapping[str, str]] = []
    while messages := sqs.receive_message(QueueUrl=deployment.inbox_url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            alerts.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=deployment.inbox_url, ReceiptHandle=message["ReceiptHandle"])
    return alerts


def _create_buckets(aws: EmulatedAws, names: list[str]) -> None:
    for name in names:
        aws.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})


def _create_secrets(aws: EmulatedAws, secrets: Mapping[str, Mapping[str, Any]]) -> None:
    for name, value in secrets.items():
        aws.client("secretsmanager").create_secret(Name=name, SecretString=json.dumps(dict(value)))


def _create_topic(aws: EmulatedAws) -> tuple[str, str]:
    topic = aws.client("sns").create_topic(Name="starlift-alerts")["TopicArn"]
    sqs = aws.client("sqs")
    inbox = sqs.create_queue(QueueName="starlift-alerts-inbox")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=inbox, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return topic, inbox


def _create_role(aws: EmulatedAws) -> str:
    role = aws.client("iam").create_role(RoleName="starlift", AssumeRolePolicyDocument="{}")
    return str(role["Role"]["Arn"])


def _create_function(aws: EmulatedAws, package: Package, role: str, settings: Settings) -> str:
    layer = aws.client("lambda").publish_layer_version(
        LayerName=f"starlift-{package.stage}", Content=_upload(aws, package.layer)
    )
    created = aws.client("lambda").create_function(
        FunctionName=f"starlift-{package.stage}",
        Runtime=f"python{sys.version_info.major}.{sys.version_info.minor}",
        Handler=HANDLERS[package.stage],
        Role=role,
        Code=_upload(aws, package.function),
        Layers=[layer["LayerVersionArn"]],
        MemorySize=settings.memory_mb,
        Timeout=settings.timeout,
        Environment={"Variables": _environment(settings)},
    )
    return str(created["FunctionArn"])


def _upload(aws: EmulatedAws, package: Path) -> dict[str, str]:
    # Through S3, because the Lambda API refuses a body over 50 MB.
    aws.client("s3").put_object(Bucket=FUNCTIONS, Key=package.name, Body=package.read_bytes())
    return {"S3Bucket": FUNCTIONS, "S3Key": package.name}


def _environment(settings: Settings) -> dict[str, str]:
    return {
        "PROJECT": settings.project,
        "LANDING": f"s3://{LANDING}",
        "PROCESSED": f"s3://{PROCESSED}",
        "SOURCE_SECRET": SOURCE_SECRET,
        "WAREHOUSE_SECRET": WAREHOUSE_SECRET,
        **settings.environment,
    }
