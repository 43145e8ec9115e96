"""Changes small enough to read in a test, the stream's records of them, and a database that they are applied to."""

import base64
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from load.changes.pipeline import Outcome, apply_records
from load.changes.ports import Ports
from load.changes.wiring import TARGET, open_ports
from utils.changes import Change, Operation, to_json
from utils.export_table import ExportTable
from utils.folder_store import FolderStore
from utils.postgres.connection import connect
from utils.postgres.names import TableName
from utils.postgres.url import parse_url

ORDERS = ExportTable(name="orders", key=("id",), target=TableName("public", "orders"))
CREATE_ORDERS = "CREATE TABLE orders (id integer PRIMARY KEY, item text, amount numeric(10, 2))"
SHARD = "shardId-000000000000"


def written(key: str, order: int = 1, sequence: int = 1, **row: str | None) -> Change:
    """Return a change that brings a row; a target takes INSERT and UPDATE alike."""
    after = {"id": key, "item": "pen", "amount": "1.50"} | row
    return Change(Operation.INSERT, "acme", "orders", {"id": key}, None, after, f"v{order}", order, sequence)


def deleted(key: str, order: int = 1, sequence: int = 1) -> Change:
    before = {"id": key, "item": "pen", "amount": "1.50"}
    return Change(Operation.DELETE, "acme", "orders", {"id": key}, before, None, f"v{order}", order, sequence)


def with_key(change: Change, **key: str) -> Change:
    """Return the change with another key, in its row too."""
    return replace(change, key=key, after=change.after and {**change.after, **key})


def record(body: bytes, number: int) -> dict[str, object]:
    """Return a record as Lambda hands it over."""
    data = base64.b64encode(body).decode()
    return {"eventID": f"{SHARD}:{number}", "kinesis": {"sequenceNumber": str(number), "data": data}}


def records(changes: Iterable[Change | bytes], first: int = 1) -> list[dict[str, object]]:
    bodies = (
        change if isinstance(change, bytes) else to_json(change).encode("utf-8", "surrogatepass") for change in changes
    )
    return [record(body, number) for number, body in enumerate(bodies, first)]


@dataclass(frozen=True)
class Place:
    """A target database, the project's tables, and the store of large changes."""

    url: str
    folder: Path
    tables: dict[str, ExportTable] = field(default_factory=lambda: {"orders": ORDERS})

    @property
    def store(self) -> FolderStore:
        return FolderStore(self.folder / "processed")

    def with_table(self, name: str = "orders", **settings: object) -> "Place":
        table = replace(ORDERS, name=name, target=TableName("public", name))
        return replace(self, tables={**self.tables, name: replace(table, **settings)})

    @contextmanager
    def ports(self, **changes: object) -> Iterator[Ports]:
        with open_ports(self.tables, parse_url(self.url), self.store) as ports:
            yield replace(ports, **changes)

    def apply(self, *changes: Change | bytes, **ports: object) -> Outcome:
        """Apply changes as one delivery."""
        with self.ports(**ports) as opened:
            return apply_records(records(changes), opened)

    def ask(self, query: str) -> list[list[object]]:
        with connect(parse_url(self.url), TARGET) as session:
            return session.run(query) or []

    def rows(self, table: str = "orders") -> list[list[object]]:
        return self.ask(f"SELECT * FROM {table} ORDER BY 1, 2")

    def names(self) -> list[object]:
        """Return the keys of the orders that are there."""
        return [row[0] for row in self.ask("SELECT id FROM orders ORDER BY 1")]

    def dump(self) -> list[object]:
        """Return all that applying leaves behind, the series' numbers aside."""
        positions = self.ask(
            "SELECT export, tenant, key, version, sequence, deleted FROM starlift.applied_changes "
            "JOIN starlift.applied_series USING (series) ORDER BY 1, 2, 3"
        )
        return [self.rows(), positions]
