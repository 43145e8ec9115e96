"""A delivery ledger on either store, and a clock that only tests move."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import boto3
from moto.server import ThreadedMotoServer

from utils.delivered import DeliveryLedger, open_ledger

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
    boto3.client("dynamodb", endpoint_url=os.environ["AWS_ENDPOINT_URL_DYNAMODB"]).create_table(
        TableName=name, **LEDGER_TABLE
    )
    return f"dynamodb://{name}"


def opened(name: str, clock: Clock) -> DeliveryLedger:
    return replace(open_ledger(name), clock=clock)
