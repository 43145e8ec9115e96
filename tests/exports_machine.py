"""The state machine of exports in emulated AWS: the real steps, and a stand-in for the delta that tests direct."""

import json
import textwrap
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pythonjsonlogger

from local.aws import EmulatedAws, emulated_aws
from local.packaging.contents import append
from local.packaging.own_modules import module_path, own_modules
from local.sandbox.spec import REGION
from local.state_machine import EXPORTS_DEFINITION, Execution, follow, render_definition
from tests.export_factories import DYNAMODB_TABLE
from utils.registry.dynamodb import DynamoRegistry
from utils.registry.records import Entry, Head

SOURCES = Path(__file__).parents[1] / "src"
EXPORTS, REGISTRY, FUNCTIONS = "starlift-exports", "starlift-exports-registry", "starlift-functions"
ACCOUNT = "123456789012"
MACHINE_ARN = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:starlift-exports"
TOPIC_ARN = f"arn:aws:sns:{REGION}:{ACCOUNT}:starlift-alerts"
PATIENCE = 60.0  # seconds
# Notes that it works on a table, which two at a time could not, and waits for what the test told it to wait for.
DELTA = """
    import json, time
    import boto3

    s3 = boto3.client("s3")
    BUCKET = "starlift-exports"

    def holds(key):
        return s3.list_objects_v2(Bucket=BUCKET, Prefix=key)["KeyCount"] > 0

    def lambda_handler(event, context):
        event = event["claim"]
        series = event["tenant"] + "/" + event["table"]
        script = {}
        if holds("_script/" + series + "/" + event["version"] + ".json"):
            name = "_script/" + series + "/" + event["version"] + ".json"
            script = json.loads(s3.get_object(Bucket=BUCKET, Key=name)["Body"].read())
        s3.put_object(Bucket=BUCKET, Key="_works/" + series, Body=b"", IfNoneMatch="*")
        s3.put_object(Bucket=BUCKET, Key="_begun/" + series + "/" + event["version"], Body=json.dumps(event))
        until = time.monotonic() + 30
        while "wait" in script and not holds(script["wait"]) and time.monotonic() < until:
            time.sleep(0.02)
        came = "wait" not in script or holds(script["wait"])
        s3.delete_object(Bucket=BUCKET, Key="_works/" + series)
        if not came:
            raise TimeoutError(script["wait"])
        if "error" in script:
            raise type(script["error"], (Exception,), {})(script["message"])
        return {"counts": {"INSERT": 1}, "more": False}
"""


@dataclass(frozen=True)
class Machine:
    """The deployed state machine, and what tests do with it."""

    aws: EmulatedAws
    inbox_url: str

    def write(self, key: str, body: str = "id\n1\n") -> None:
        self.aws.client("s3").put_object(Bucket=EXPORTS, Key=key, Body=body.encode())

    def script(self, series: str, version: str, **script: str) -> None:
        self.write(f"_script/{series}/{version}.json", json.dumps(script))

    def start(self, series: str, version: str, again: str = "", **more: Any) -> str:
        """Start an execution and return its ARN."""
        tenant, table = series.split("/")
        request = json.dumps({"tenant": tenant, "table": table, "version": version, **more})
        name = f"{tenant}-{table}-{version}{again}"
        states = self.aws.client("stepfunctions")
        return str(states.start_execution(stateMachineArn=MACHINE_ARN, name=name, input=request)["executionArn"])

    def follow(self, execution: str) -> Execution:
        return follow(self.aws, execution, timeout=PATIENCE)

    def run(self, series: str, version: str, again: str = "", **more: Any) -> Execution:
        return self.follow(self.start(series, version, again, **more))

    def await_object(self, key: str) -> None:
        s3 = self.aws.client("s3")
        await_true(lambda: s3.list_objects_v2(Bucket=EXPORTS, Prefix=key)["KeyCount"] > 0, key)

    def errors_of(self, execution: str) -> list[str]:
        history = self.aws.client("stepfunctions").get_execution_history(executionArn=execution, maxResults=1000)
        return [
            event["taskFailedEventDetails"]["error"] for event in history["events"] if "taskFailedEventDetails" in event
        ]

    def invoke(self, event: Mapping[str, Any]) -> Any:
        found = self.aws.client("lambda").invoke(FunctionName="starlift-exports", Payload=json.dumps(event))
        return json.loads(found["Payload"].read())

    def executions(self, tenant: str) -> dict[str, str]:
        found = self.aws.client("stepfunctions").list_executions(stateMachineArn=MACHINE_ARN)["executions"]
        return {each["name"]: each["status"] for each in found if each["name"].startswith(f"{tenant}-")}

    @property
    def registry(self) -> DynamoRegistry:
        return DynamoRegistry(REGISTRY, self.aws.client("dynamodb"))

    def entry(self, series: str, version: str) -> Entry:
        found = self.registry.entry(series, version)
        assert found is not None
        return found

    def head(self, series: str) -> Head:
        return self.registry.head(series)

    def alerts(self, tenant: str) -> list[str]:
        """Take every alert out of the inbox, and return those of the tenant."""
        sqs, found = self.aws.client("sqs"), []
        while messages := sqs.receive_message(QueueUrl=self.inbox_url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                found.append(json.loads(message["Body"])["Message"])
                sqs.delete_message(QueueUrl=self.inbox_url, ReceiptHandle=message["ReceiptHandle"])
        return [message for message in found if tenant in message]

    @contextmanager
    def without_registry_and_topic(self) -> Iterator[None]:
        """Take away what marking a failure and telling of it need, and give back new ones."""
        self.aws.client("dynamodb").delete_table(TableName=REGISTRY)
        self.aws.client("sns").delete_topic(TopicArn=TOPIC_ARN)
        yield
        self.aws.client("dynamodb").create_table(TableName=REGISTRY, **DYNAMODB_TABLE)
        _create_topic(self.aws)


def await_true(question: Any, what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not question():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.02)


def write_packages(folder: Path, tables: Mapping[str, str]) -> dict[str, Path]:
    """Write the zips of the real steps with a project of these tables, of their layer, and of the stand-in."""
    modules = own_modules("extraction.exports.handler", SOURCES)
    paths = {path for path in (module_path(module, SOURCES) for module in modules) if path}
    contents = {path.relative_to(SOURCES).as_posix(): path for path in paths}
    for name, text in tables.items():
        (folder / f"{name}.toml").write_text(text)
        contents[f"projects/shop/exports/{name}.toml"] = folder / f"{name}.toml"
    (folder / "delta.py").write_text(textwrap.dedent(DELTA))
    installed = Path(pythonjsonlogger.__file__).parent
    layer = {f"python/pythonjsonlogger/{path.name}": path for path in installed.glob("*.py")}
    zips = {"exports": contents, "delta": {"delta.py": folder / "delta.py"}, "layer": layer}
    for name, files in zips.items():
        append(folder / f"{name}.zip", files)
    return {name: folder / f"{name}.zip" for name in zips}


@contextmanager
def deployed(packages: Mapping[str, Path]) -> Iterator[Machine]:
    """Emulate AWS with the state machine and all that it needs, as long as the block lasts."""
    with emulated_aws(retry_scale=0.001) as aws:
        for bucket in (EXPORTS, FUNCTIONS):
            aws.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        aws.client("dynamodb").create_table(TableName=REGISTRY, **DYNAMODB_TABLE)
        role = aws.client("iam").create_role(RoleName="starlift", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        values = _create_functions(aws, packages, role)
        inbox = _create_topic(aws)
        definition = render_definition({**values, "alerts_topic_arn": TOPIC_ARN}, EXPORTS_DEFINITION)
        machine = aws.client("stepfunctions").create_state_machine(
            name="starlift-exports", definition=definition, roleArn=role
        )
        assert machine["stateMachineArn"] == MACHINE_ARN
        yield Machine(aws, inbox)


def _create_functions(aws: EmulatedAws, packages: Mapping[str, Path], role: str) -> dict[str, str]:
    layer = aws.client("lambda").publish_layer_version(LayerName="layer", Content=_zip(packages["layer"]))
    environment = {
        "PROJECT": "projects/shop",
        "EXPORTS": f"s3://{EXPORTS}",
        "REGISTRY": f"dynamodb://{REGISTRY}",
        "STATE_MACHINE_ARN": MACHINE_ARN,
        "ALERTS_TOPIC_ARN": TOPIC_ARN,
    }
    handlers = {"exports": "extraction.exports.handler.lambda_handler", "delta": "delta.lambda_handler"}
    arns = {}
    for name, handler in handlers.items():
        created = aws.client("lambda").create_function(
            FunctionName=f"starlift-{name}",
            Runtime="python3.13",
            Handler=handler,
            Role=role,
            Code=_zip(packages[name]),
            Layers=[layer["LayerVersionArn"]],
            MemorySize=256,
            Timeout=60,
            Environment={"Variables": environment},
        )
        arns[f"{name}_function_arn"] = created["FunctionArn"]
    return arns


def _zip(path: Path) -> dict[str, bytes]:
    return {"ZipFile": path.read_bytes()}


def _create_topic(aws: EmulatedAws) -> str:
    topic = aws.client("sns").create_topic(Name="starlift-alerts")["TopicArn"]
    assert topic == TOPIC_ARN
    sqs = aws.client("sqs")
    inbox = sqs.create_queue(QueueName="starlift-alerts-inbox")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=inbox, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return str(inbox)
