"""A lake that Athena's API answers from, a real queue, a ledger, and runs of the query between them."""

import json
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import awswrangler as wr
import boto3
from botocore.config import Config

from local.delivery.athena import Asked, AthenaError, LocalAthena, served
from local.delivery.athena_lake import Lake
from tests.delivery_factories import sqs_at
from tests.ingest_factories import NOON, SENSORS
from tests.ingest_factories import post as post_records
from transformation.query.athena import Athena, Place
from transformation.query.pipeline import Queued, queue_records
from transformation.query.ports import Ports
from transformation.query.queue import SqsQueue
from transformation.query.request import read_request
from transformation.query.statement import names_of
from utils.delivered.open_ledger import open_ledger
from utils.delivery_project import DeliveryProject, read_delivery
from utils.folder_store import FolderStore
from utils.store import ObjectStore

DATABASE = "sensors"
OVERLAP = timedelta(seconds=90_000)
ONCE = Config(retries={"mode": "standard", "total_max_attempts": 1})
wr.config.botocore_config = ONCE  # no test waits for a second attempt


@dataclass
class Faults:
    """What is to go wrong in Athena, by operation: errors first, in order; and states told in place of the real one."""

    athena: LocalAthena
    errors: dict[str, list[AthenaError]] = field(default_factory=dict)
    states: list[dict[str, Any]] = field(default_factory=list)
    calls: list[tuple[str, Asked]] = field(default_factory=list)

    def call(self, operation: str, asked: Asked) -> dict[str, Any]:
        self.calls.append((operation, asked))
        if self.errors.get(operation):
            raise self.errors[operation].pop(0)
        answer = self.athena.call(operation, asked)
        if operation == "GetQueryExecution" and self.states:
            state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
            answer["QueryExecution"]["Status"] = state
        return answer

    def count(self, operation: str) -> int:
        return sum(1 for name, _ in self.calls if name == operation)

    @property
    def objects_opened(self) -> list[int]:
        """Return how many objects each query read."""
        return [query.answer.objects_opened for query in self.athena.queries.values()]


@dataclass
class World:
    """One deployment: what was posted, what is queued, and runs in between."""

    store: ObjectStore
    project: DeliveryProject
    faults: Faults
    athena: str
    services: str
    queue: str
    ledger: str
    now: datetime = NOON
    pauses: list[float] = field(default_factory=list)

    def post(self, *records: dict[str, Any], at: datetime | None = None) -> None:
        post_records(self.store, list(records), at or self.now)

    def ports(self, seconds: Callable[[], float] = lambda: 900.0) -> Ports:
        return Ports(
            project=self.project,
            lake=Athena(
                Place("AwsDataCatalog", DATABASE, "delivery", "s3://results/"),
                names_of(self.project),
                seconds,
                pause=self.pauses.append,
                client=athena_at(self.athena),
            ),
            database=DATABASE,
            store=self.store,
            ledger=open_ledger(self.ledger),
            queue=SqsQueue(self.queue, self.pauses.append, client=sqs_at(self.services)),
            seconds_left=seconds,
            clock=self.now.timestamp,
        )

    def run(self, event: dict[str, Any] | None = None, **changes: Any) -> Queued:
        ports = replace(self.ports(), **changes)
        return queue_records(read_request(event or {}, self.project.query.parameters), ports)

    def messages(self) -> list[str]:
        """Take every message out of the queue."""
        sqs, found = sqs_at(self.services), []
        while taken := sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", ()):
            found += [one["Body"] for one in taken]
        return found

    def queued(self) -> list[dict[str, Any]]:
        """Take every record out of the queue."""
        return [record for body in self.messages() for record in json.loads(body)["records"]]

    def sensors(self) -> list[str]:
        """Take every record out of the queue, and return by whom each was measured."""
        return sorted(record["sensorId"] for record in self.queued())

    def mark(self) -> datetime:
        return datetime.fromisoformat(json.loads(self.store.read("query/mark.json"))["until"]).astimezone(UTC)


@cache
def athena_at(endpoint: str) -> Any:
    """Return a client, which takes longer to make than a test."""
    return boto3.client("athena", endpoint_url=endpoint, config=ONCE)


@contextmanager
def query_world(folder: Path, services: str, project: Path = SENSORS) -> Iterator[World]:
    """Make a lake, a queue and a ledger; Athena and the queue are reached by the environment, too."""
    store, read = FolderStore(folder / "lake"), read_delivery(project)
    queue = sqs_at(services).create_queue(QueueName=f"queue-{uuid.uuid4().hex}")["QueueUrl"]
    faults = Faults(LocalAthena(Lake(store, folder / "copy", read, DATABASE)))
    with served(faults.call) as athena:
        os.environ["AWS_ENDPOINT_URL_ATHENA"] = athena  # awswrangler makes clients of its own
        try:
            yield World(store, read, faults, athena, services, queue, str(folder / "ledger.sqlite"))
        finally:
            del os.environ["AWS_ENDPOINT_URL_ATHENA"]


def write_project(folder: Path, sql: str, parameters: str = "") -> Path:
    """Write the sensors' project with another query."""
    declared = (SENSORS / "delivery.toml").read_text()
    head, _, tail = declared.partition("[query.parameters]")
    (folder / "delivery.toml").write_text(
        f"{head}[query.parameters]\n{parameters}\n[delivery]{tail.partition('[delivery]')[2]}"
    )
    (folder / "query.sql").write_text(sql)
    return folder
