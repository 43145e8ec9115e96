"""Delivery on this machine: the three functions from their zips, and what AWS would put between them.

API Gateway, Athena and the way from a queue to a function are stood in for; the rest is emulated.
"""

import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from werkzeug.serving import make_server

from local.aws import EmulatedAws, emulated_aws
from local.delivery.api_gateway import RestApi
from local.delivery.athena import LocalAthena, served
from local.delivery.athena_lake import Lake
from local.delivery.sink import Running
from local.packaging.functions import HANDLERS
from local.packaging.packages import Package
from local.sandbox import Functions, FunctionSpec, OnLog, unzip
from local.sandbox.spec import REGION
from local.serving import serving
from utils.delivery_project import read_delivery
from utils.s3_store import S3Store

FUNCTIONS = ("ingest", "query", "delivery")
BUCKET, TABLE, SECRET, DATABASE = "starlift-raw", "starlift-delivered", "starlift/endpoint", "starlift"
LEDGER_KEY: Mapping[str, Any] = {
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}
HIDDEN_SECONDS = 2  # between two tries of a message; a quarter of an hour on AWS
BATCH = 10  # messages at once


class InvocationError(RuntimeError):
    """A function failed; the message is its error."""


@dataclass(frozen=True)
class Rig:
    """A running delivery."""

    aws: EmulatedAws
    functions: Functions
    specs: Mapping[str, FunctionSpec]
    queue: str
    dead_letters: str
    url: str = ""

    def invoke(self, name: str, event: Mapping[str, Any]) -> Any:
        """Run a function, or raise InvocationError."""
        result = self.functions.invoke(self.specs[name], event)
        if result.error:
            raise InvocationError(f"{name}: {result.error.get('errorType')}: {result.error.get('errorMessage')}")
        return result.payload

    def deliver(self) -> int:
        """Hand the messages that show to the delivery function, as AWS does, and return how many are left."""
        sqs = self.aws.client("sqs")
        taken = sqs.receive_message(
            QueueUrl=self.queue, MaxNumberOfMessages=BATCH, VisibilityTimeout=HIDDEN_SECONDS, AttributeNames=["All"]
        ).get("Messages", [])
        if taken:
            answer = self.invoke("delivery", {"Records": [_as_event(message) for message in taken]})
            left = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
            for message in taken:
                if message["MessageId"] not in left:
                    sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return self.count(self.queue)

    def count(self, queue: str) -> int:
        """Return how many messages a queue holds, handed out or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.aws.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)


def _as_event(message: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {},
        "eventSource": "aws:sqs",
    }


@contextmanager
def running_rig(packages: Mapping[str, Package], project: Path, endpoint: Running, on_log: OnLog) -> Iterator[Rig]:
    """Run delivery to an endpoint for as long as the block lasts; `url` takes POSTs with the key `demo`."""
    functions = Functions(on_log)
    try:
        with emulated_aws() as aws:
            queue, dead_letters = _create(aws, endpoint)
            with _athena(aws, project) as athena:
                surroundings = {"project": f"projects/{project.name}", "queue": queue, "dlq": dead_letters}
                specs = {name: _spec(packages[name], aws.endpoint, athena, surroundings) for name in FUNCTIONS}
                rig = Rig(aws, functions, specs, queue, dead_letters)
                with _api(rig) as url:
                    yield Rig(aws, functions, specs, queue, dead_letters, url)
    finally:
        functions.close()


def _create(aws: EmulatedAws, endpoint: Running) -> tuple[str, str]:
    """Create bucket, ledger, secret and queues, and return the queues' addresses."""
    aws.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    aws.client("dynamodb").create_table(TableName=TABLE, **LEDGER_KEY)
    name, value = endpoint.sink.header or ("x-any", "any")
    secret = {"url": endpoint.url, "header_name": name, "header_value": value}
    aws.client("secretsmanager").create_secret(Name=SECRET, SecretString=json.dumps(secret))
    queues = [aws.client("sqs").create_queue(QueueName=f"starlift-{name}")["QueueUrl"] for name in ("records", "dead")]
    return queues[0], queues[1]


@contextmanager
def _athena(aws: EmulatedAws, project: Path) -> Iterator[str]:
    with TemporaryDirectory() as folder:
        lake = Lake(S3Store(BUCKET, client=aws.client("s3")), Path(folder), read_delivery(project), DATABASE)
        with served(LocalAthena(lake).call) as address:
            yield address


@contextmanager
def _api(rig: Rig) -> Iterator[str]:
    api = RestApi(lambda event, _context: dict(rig.invoke("ingest", event)), key="demo")
    server = make_server("127.0.0.1", 0, api, threaded=True)
    with serving(server):
        yield f"http://127.0.0.1:{server.server_port}/ingest"


def _spec(package: Package, endpoint: str, athena: str, surroundings: Mapping[str, str]) -> FunctionSpec:
    return FunctionSpec(
        name=f"starlift-{package.stage}-{uuid.uuid4().hex[:8]}",
        handler=HANDLERS[package.stage],
        code=unzip(package.function.read_bytes()),
        layers=(unzip(package.layer.read_bytes()),),
        environment={
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ENDPOINT_URL_ATHENA": athena,
            "PROJECT": surroundings["project"],
            "RAW": f"s3://{BUCKET}",
            "CATALOGUE": "AwsDataCatalog",
            "DATABASE": DATABASE,
            "WORKGROUP": "starlift",
            "RESULTS": f"s3://{BUCKET}/results/",
            "LEDGER": f"dynamodb://{TABLE}",
            "QUEUE_URL": surroundings["queue"],
            "DLQ_URL": surroundings["dlq"],
            "ENDPOINT_SECRET": SECRET,
        },
        memory_mb=1024,
        timeout=120,
    )
