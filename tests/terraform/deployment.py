"""The very configuration that goes to AWS, applied to the emulated one."""

import json
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket, FakeDeleteMarker
from moto.stepfunctions.responses import StepFunctionResponse

from local.aws import emulated_aws
from local.packaging.build_target import here
from local.packaging.functions import STAGES
from local.packaging.packages import Build, build_packages
from local.sandbox.spec import REGION
from local.state_machine import Clients, Execution, follow, start_execution
from tests.terraform.calls import CallRecorder
from tests.terraform.program import Terraform, make_terraform

PROJECT, ENVIRONMENT = "totesys", "test"
UNCHANGED = (["no-op"], ["read"])

# Asked by the provider, unknown to the emulator.
UNKNOWN_TO_THE_EMULATOR = {
    "validate_state_machine_definition": {"result": "OK", "diagnostics": [], "truncated": False},
    "list_state_machine_versions": {"stateMachineVersions": []},
}


@dataclass
class Deployed:
    """A deployment on the emulated AWS, what its functions print, and what is asked of AWS in its name."""

    aws: Any  # one of the emulators
    bootstrap: Terraform
    terraform: Terraform
    lines: list[tuple[str, str]]  # function and line
    calls: CallRecorder
    outputs: Mapping[str, Any] = field(default_factory=dict)
    inbox: str = ""  # a queue that every alert comes to

    def put_secret(self, which: str, login: Mapping[str, Any]) -> None:
        """Put a login where `make secrets` puts it."""
        name = self.outputs[f"{which}_secret_name"]
        self.aws.client("secretsmanager").put_secret_value(SecretId=name, SecretString=json.dumps(dict(login)))

    def execute(self, name: str) -> Execution:
        """Start the deployed state machine and wait for its end."""
        started = start_execution(self.aws, self.outputs["state_machine_arn"], name)
        return follow(self.aws, started, timeout=200)

    def lines_of(self, stage: str) -> list[str]:
        """Return what a stage's function has printed so far."""
        return [line for name, line in self.lines if name == self.outputs["function_names"][stage]]

    def alerts(self) -> list[Mapping[str, str]]:
        """Take the alerts out of the inbox."""
        sqs, found = self.aws.client("sqs"), []
        while messages := sqs.receive_message(QueueUrl=self.inbox, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                found.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=self.inbox, ReceiptHandle=message["ReceiptHandle"])
        return found

    def policy(self, role: str) -> Mapping[str, Any]:
        """Return the one policy of a role, as AWS holds it."""
        iam = self.aws.client("iam")
        (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
        assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
        return dict(iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"])


@contextmanager
def deployed(folder: Path) -> Iterator[Deployed]:
    """Build, bootstrap and apply; everything is gone when the block ends."""
    packages = build_packages(Build(here(), say=lambda _line: None), STAGES)
    lines: list[tuple[str, str]] = []
    calls = CallRecorder()
    with taught(), emulated_aws(lambda *line: lines.append(line), retry_scale=0.01, watch=calls) as aws:
        found = Deployed(aws, *configurations(folder, aws.endpoint, packages["load"].function.parent), lines, calls)
        apply(found)
        yield found


def configurations(folder: Path, endpoint: str, packages: Path, **variables: str) -> tuple[Terraform, Terraform]:
    """Return bootstrap and deployment, for an emulator and with what was built."""
    common = {"project": PROJECT, "region": REGION, "aws_endpoint": endpoint}
    bootstrap = make_terraform(folder, "bootstrap", github_repository="example/warehouse", **common)
    terraform = make_terraform(
        folder,
        environment=ENVIRONMENT,
        alert_email="data@example.com",
        permissions_boundary=f"{PROJECT}-boundary",
        package_folder=str(packages),
        **common,
        **variables,
    )
    return bootstrap, terraform


def apply(found: Deployed) -> None:
    """Bootstrap and deploy, and subscribe an inbox to the alerts."""
    found.bootstrap.run("init -input=false -no-color")
    with ThreadPoolExecutor(1) as background:
        # The provider waits 55 s for the rules of a bucket to settle; nothing here depends on them.
        bootstrapped = background.submit(found.bootstrap.change, "apply", force_destroy="true")
        bucket = _wait_for_state_bucket(found.aws, bootstrapped)
        found.terraform.run("init -input=false -no-color", *_backend(found.aws, bucket))
        found.terraform.change("apply")
        bootstrapped.result()
    found.outputs = found.terraform.outputs()
    found.inbox = _subscribe_inbox(found.aws, found.outputs["alerts_topic_arn"])


def _wait_for_state_bucket(aws: Clients, bootstrapped: "Future[str]") -> str:
    while not (buckets := aws.client("s3").list_buckets()["Buckets"]) and not bootstrapped.done():
        time.sleep(0.2)
    return str(buckets[0]["Name"]) if buckets else bootstrapped.result()


def _backend(aws: Any, bucket: str) -> list[str]:
    emulated = {
        "endpoints": f'{{s3="{aws.endpoint}",sts="{aws.endpoint}"}}',
        "access_key": "testing",
        "secret_key": "testing",
        "use_path_style": "true",
        "skip_credentials_validation": "true",
        "skip_metadata_api_check": "true",
    }
    given = {"bucket": bucket, "region": REGION, "key": f"{ENVIRONMENT}/terraform.tfstate", **emulated}
    return [f"-backend-config={name}={value}" for name, value in given.items()]


def _subscribe_inbox(aws: Clients, topic: str) -> str:
    sqs = aws.client("sqs")
    inbox = str(sqs.create_queue(QueueName="inbox")["QueueUrl"])
    arn = sqs.get_queue_attributes(QueueUrl=inbox, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return inbox


@contextmanager
def taught() -> Iterator[None]:
    """Teach the emulator what only Terraform's provider asks, and that it stands for TLS.

    It listens to plain HTTP and reads no conditions, so the buckets' policy would refuse everything.
    """
    answers = {
        name: lambda _self, answer=answer: json.dumps(answer) for name, answer in UNKNOWN_TO_THE_EMULATOR.items()
    }
    with (
        patch.multiple(StepFunctionResponse, create=True, **answers),
        patch.object(FakeBucket, "get_permission", lambda *_: PermissionResult.NEUTRAL),
        patch.object(FakeDeleteMarker, "dispose", lambda _self: None, create=True),  # or no bucket could be emptied
    ):
        yield


def login(url: str, **changes: Any) -> dict[str, Any]:
    """Return a database's login as a secret holds it."""
    parts = urlsplit(url)
    values = {"host": parts.hostname, "port": parts.port, "username": parts.username, "password": "any"}
    return {**values, "dbname": parts.path.strip("/"), "sslmode": "disable", **changes}


def planned_changes(terraform: Terraform) -> dict[str, set[str]]:
    """Return what a plan would change, by resource: the arguments that differ."""
    terraform.change("plan -lock=false -out=plan")  # as `make plan` does
    plan = json.loads(terraform.run("show -json plan"))
    changes = {each["address"]: each["change"] for each in plan["resource_changes"]}
    return {where: _differing(change) for where, change in changes.items() if change["actions"] not in UNCHANGED}


def _differing(change: Mapping[str, Any]) -> set[str]:
    before, after = (change[side] or {} for side in ("before", "after"))
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
