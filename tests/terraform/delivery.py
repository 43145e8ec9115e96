"""Delivery on the second emulated AWS: its API, its lake, its queues, and the endpoint that it posts to."""

import json
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from local.delivery.sink import Running, Sink, running_sink
from local.delivery.sink_store import SinkStore
from local.packaging.build_target import here
from local.packaging.packages import ROOT, Build, build_packages
from tests.emulator import emulator
from tests.terraform.calls import CallRecorder
from tests.terraform.deployment import apply, configurations
from tests.terraform.emulated import Emulated, until

SENSORS = ROOT / "projects/sensors"
HEADER = ("x-door", "open")
FUNCTIONS = ("ingest", "query", "delivery")
VISIBLE_AFTER = 4  # seconds a message stays hidden, instead of the quarter of an hour that it is deployed with
SWITCHES = {
    "delivery_enabled": "true",
    "warehouse_enabled": "false",
    "api_document": str(SENSORS / "openapi.json"),
    # Only the tests of the limits are to meet them, and runs start when a test says so.
    "delivery": '{ api = { senders = ["plant", "lab"], requests_per_second = 1000, burst = 2000 }, '
    "query = { schedule_enabled = false }, delivery = { batch_seconds = 1 } }",
}


@dataclass
class Delivery(Emulated):
    """Deployed delivery, the sink behind it, and what to do with both."""

    running: Running | None = None
    folder: Path = Path()

    @property
    def sink(self) -> Sink:
        """Return the endpoint."""
        assert self.running
        return self.running.sink

    def key(self, sender: str = "plant") -> str:
        """Return the value of a sender's key, as a person reads it."""
        name = self.outputs["delivery_api_keys"][sender]
        return str(self.aws.client("apigateway").get_api_key(apiKey=name, includeValue=True)["value"])

    def post(self, body: Any, key: str | None = "", **headers: str) -> tuple[int, dict[str, Any]]:
        """Post to the API, as JSON unless it is bytes, and return what was answered."""
        given = {"x-api-key": key or self.key()} if key is not None else {}
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(
            self.url, content, {"Content-Type": "application/json", **given, **headers}, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    @property
    def url(self) -> str:
        """Return where the emulator answers for the API: it has no names of its own for APIs."""
        api = self.outputs["delivery_api"].split("//")[1].split(".")[0]
        return f"{self.aws.endpoint}/restapis/{api}/v1/_user_request_/ingest"

    def query(self, event: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Run the query, as the schedule or a person does, and return its answer."""
        name = self.outputs["function_names"]["query"]
        answer = self.aws.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event or {}).encode())
        said = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, said
        return dict(said)

    def settle(self) -> None:
        """Wait until nothing is on its way to the endpoint."""
        until(lambda: self.waiting("queue") == 0)

    def waiting(self, which: str) -> int:
        """Return how many messages a queue holds, handed out or not."""
        found = self.attributes(which)  # asked once: between two answers a message may go from one count to the other
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        return sum(int(found[name]) for name in names)

    def attributes(self, which: str) -> Mapping[str, str]:
        """Return settings and figures of the queue, or of the dead letters."""
        url = self.outputs[f"delivery_{which}_url"]
        return dict(self.aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"])

    def dead_letters(self) -> list[Mapping[str, Any]]:
        """Take the dead letters out of their queue."""
        sqs, url = self.aws.client("sqs"), self.outputs["delivery_dead_letters_url"]
        asked = {"MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"], "AttributeNames": ["All"]}
        found: list[Mapping[str, Any]] = []
        while taken := sqs.receive_message(QueueUrl=url, **asked).get("Messages"):
            found += taken
            for message in taken:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found

    def delivered(self) -> dict[str, int]:
        """Return the sensors of the sink's records, and how many records each has."""
        counts: dict[str, int] = {}
        for record in self.sink.store.records():
            counts[record["sensorId"]] = counts.get(record["sensorId"], 0) + 1
        return counts

    def keys_below(self, prefix: str) -> list[str]:
        """Return the keys of the lake's objects below a prefix."""
        pages = self.aws.client("s3").get_paginator("list_objects_v2")
        bucket = self.outputs["delivery_raw"].removeprefix("s3://")
        found = pages.paginate(Bucket=bucket, Prefix=prefix)
        return [each["Key"] for page in found for each in page.get("Contents", [])]

    def empty(self) -> None:
        """Remove every version of every object."""
        raw = self.outputs["delivery_raw"].removeprefix("s3://")
        self.remove_versions(raw, raw.replace("-raw-", "-results-"))


def reading(sensor: str, ago: float = 120.0, temperature: float = 50.0) -> dict[str, Any]:
    """Return a reading of so many seconds ago."""
    when = datetime.now(UTC) - timedelta(seconds=ago)
    return {
        "sensorId": sensor,
        "rawTemperature": temperature,
        "rawHumidity": 40,
        "timestamp": when.isoformat(timespec="microseconds"),
    }


def built(folder: Path, project: Path) -> Path:
    """Return a folder with the functions' zips, and in them the sensors' project under another name."""
    shutil.copytree(SENSORS, project)
    build = Build(here(), project, say=lambda _line: None, functions=folder)
    for package in build_packages(build, FUNCTIONS).values():
        (folder / package.layer.name).symlink_to(package.layer)
    return folder


@contextmanager
def deployed_delivery(folder: Path, packages: Path) -> Iterator[Delivery]:
    """Apply the configuration with delivery alone; everything is gone when the block ends."""
    lines: list[tuple[str, str]] = []
    (folder / "emulator").mkdir()
    with (
        running_sink(Sink(SinkStore(folder / "sink.sqlite"), HEADER)) as running,
        emulator(folder / "emulator", lambda *line: lines.append(line)) as aws,
    ):
        given = configurations(folder, aws.endpoint, packages, **SWITCHES)
        found = Delivery(aws, *given, lines, CallRecorder(), running=running, folder=folder)
        apply(found)
        found.hear()
        yield found
