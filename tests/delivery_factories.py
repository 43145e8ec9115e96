"""Messages, an endpoint that really answers, a ledger on either store, and a clock that only tests move."""

import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import boto3

from load.delivery.client import HttpClient
from load.delivery.dead_letters import DeadLetterQueue
from load.delivery.endpoint import parse_endpoint
from load.delivery.messages import Message
from load.delivery.pipeline import deliver
from load.delivery.ports import Ports
from local.delivery.sink import Sink, running_sink
from local.delivery.sink_faults import Fault
from local.delivery.sink_store import SinkStore
from utils.delivered.ledger import DeliveryLedger
from utils.delivered.open_ledger import open_ledger
from utils.delivery_project import DeliveryLimits

NOON = 1_800_000_000
LEDGER_TABLE = {
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}


class Clock:
    """The seconds since 1970, as the test says."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


@contextmanager
def emulated_server() -> Iterator[str]:
    """Run emulated services that this process and its children reach, and give their address."""
    from moto.server import ThreadedMotoServer  # a worker in a process of its own does without

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def make_ledger(kind: str, folder: Path) -> str:
    """Return the name of a new, empty ledger."""
    if kind == "sqlite":
        return str(folder / "ledger.sqlite")
    name = f"delivered-{uuid.uuid4().hex}"
    boto3.client("dynamodb").create_table(TableName=name, **LEDGER_TABLE)
    return f"dynamodb://{name}"


def opened(name: str, clock: Clock) -> DeliveryLedger:
    return replace(open_ledger(name), clock=clock)


HEADER = ("X-Api-Key", "open-sesame-1234")


def record(record_id: str, **more: object) -> dict[str, Any]:
    return {"id": record_id, "objectKey": "raw/one.json", "sensorId": "s1", "temperature": 21.5, **more}


def message(*ids: str, message_id: str = "", **more: object) -> Message:
    return Message(message_id or f"m-{'-'.join(ids)}", json.dumps({"records": [record(one) for one in ids], **more}))


@dataclass(frozen=True)
class Queue:
    """A real dead-letter queue of the emulator."""

    url: str

    def letters(self) -> list[tuple[dict[str, Any], dict[str, str]]]:
        """Take every message: its body, and what is told beside it."""
        sqs, found = sqs_at(os.environ["AWS_ENDPOINT_URL"]), []
        while letters := sqs.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages", ()):
            found += [_letter(one) for one in letters]
        return found


@cache
def sqs_at(endpoint: str) -> Any:
    """Return a client, which takes longer to make than a test."""
    return boto3.client("sqs", endpoint_url=endpoint)


def _letter(received: dict[str, Any]) -> tuple[Any, dict[str, str]]:
    told = {name: value["StringValue"] for name, value in received.get("MessageAttributes", {}).items()}
    try:
        return json.loads(received["Body"]), told
    except ValueError:
        return received["Body"], told


@dataclass(frozen=True)
class World:
    """A sink, a ledger and a queue, and workers that deliver from one to the other."""

    sink: Sink
    url: str
    ledger: str
    queue: Queue
    clock: Clock = field(default_factory=Clock)
    pauses: list[float] = field(default_factory=list)

    def go_wrong(self, **fault: Any) -> None:
        self.sink.faults.set([Fault(**fault)])

    def recover(self) -> None:
        self.sink.faults.set([])

    def ports(self, total_seconds: float = 20.0, limits: DeliveryLimits | None = None, seconds: float = 900.0) -> Ports:
        """Return the real ports of a new worker; only its pauses take no time."""
        secret = {"url": self.url, "header_name": HEADER[0], "header_value": HEADER[1]}
        return Ports(
            endpoint=HttpClient(parse_endpoint(secret, "endpoint"), total_seconds=total_seconds),
            ledger=opened(self.ledger, self.clock),
            dead_letters=DeadLetterQueue(self.queue.url, sqs_at(os.environ["AWS_ENDPOINT_URL"])),
            limits=limits or DeliveryLimits(),
            seconds_left=lambda: seconds,
            clock=self.clock,
            pause=self.pauses.append,
        )

    def deliver(self, *messages: Message, **settings: Any) -> list[str]:
        return deliver(messages, self.ports(**settings))

    @property
    def held(self) -> list[str]:
        """Return the ids that the sink holds."""
        return [one["id"] for one in self.sink.store.records()]

    @property
    def times(self) -> dict[str, int]:
        """Return how often each record came to the sink."""
        return self.sink.store.times()

    @property
    def statuses(self) -> list[int]:
        """Return what the sink answered to each POST; 0 where it cut the connection."""
        return [post.status for post in self.sink.store.posts()]

    @property
    def keys(self) -> list[str | None]:
        """Return the idempotency key of each POST."""
        return [post.key for post in self.sink.store.posts()]


@contextmanager
def delivery_world(folder: Path) -> Iterator[World]:
    """Run a sink, and make a queue and a ledger in a file."""
    url = sqs_at(os.environ["AWS_ENDPOINT_URL"]).create_queue(QueueName=f"dlq-{uuid.uuid4().hex}")["QueueUrl"]
    with running_sink(Sink(SinkStore(folder / "sink.sqlite"), HEADER)) as running:
        yield World(running.sink, running.url, make_ledger("sqlite", folder), Queue(url))
