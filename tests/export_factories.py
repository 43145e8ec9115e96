"""Full exports in a folder, a registry on either store, and a clock that only tests move."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import boto3
from moto.server import ThreadedMotoServer

from extraction.exports.ports import Ports, Request
from local.aws import serial_transactions
from utils.export_table import ExportTable, ExportVersion
from utils.folder_store import FolderStore
from utils.postgres.names import TableName
from utils.registry.open_registry import open_registry
from utils.registry.records import Entry, Status

NOON = 1_800_000_000
STAFF = ExportTable("staff", ("id",), TableName("public", "staff"))
DYNAMODB_TABLE = {
    "KeySchema": [{"AttributeName": "series", "KeyType": "HASH"}, {"AttributeName": "item", "KeyType": "RANGE"}],
    "AttributeDefinitions": [
        {"AttributeName": "series", "AttributeType": "S"},
        {"AttributeName": "item", "AttributeType": "S"},
    ],
    "BillingMode": "PAY_PER_REQUEST",
}


class Clock:
    """The seconds since 1970, as the test says."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


opened = cache(open_registry)  # a client takes longer to make than a test


@dataclass(frozen=True)
class World:
    """A place for exports, and the registry that knows of them."""

    folder: Path
    registry: str
    clock: Clock = field(default_factory=Clock)
    table: ExportTable = STAFF

    @property
    def ports(self) -> Ports:
        store = FolderStore(self.folder)
        return Ports({self.table.name: self.table}, store, opened(self.registry), self.clock)

    def having(self, **settings: object) -> "World":
        return replace(self, table=replace(self.table, **settings))

    def write(self, version: str, content: str = "", file: str = "staff.csv", tenant: str = "acme") -> None:
        path = self.folder / tenant / self.table.name / version / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content or f"id\n{version}\n")

    def request(self, version: str, execution: str = "", *, replay: bool = False, tenant: str = "acme") -> Request:
        return Request(ExportVersion(tenant, self.table.name, version), execution or f"run-{version}", replay)

    def entry(self, version: str, tenant: str = "acme") -> Entry:
        found = self.ports.registry.entry(f"{tenant}/{self.table.name}", version)
        assert found is not None
        return found

    def statuses(self, tenant: str = "acme") -> dict[str, Status]:
        entries = self.ports.registry.entries(f"{tenant}/{self.table.name}")
        return {entry.version: entry.status for entry in entries}


@contextmanager
def dynamodb_server() -> Iterator[str]:
    """Run an emulated DynamoDB that this process and its children reach, and give its address."""
    with serial_transactions():
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
        server.stop()


def make_registry(kind: str, folder: Path) -> str:
    """Return the name of a new, empty registry."""
    if kind == "sqlite":
        return str(folder / "registry.sqlite")
    name = f"registry-{uuid.uuid4().hex}"
    boto3.client("dynamodb", endpoint_url=os.environ["AWS_ENDPOINT_URL_DYNAMODB"]).create_table(
        TableName=name, **DYNAMODB_TABLE
    )
    return f"dynamodb://{name}"
