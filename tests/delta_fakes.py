"""The delta's ports in memory: a lease that can be lost, and a stream that refuses what it is told to."""

from tests.exports import ORDERS
from transformation.delta.ports import Ports
from transformation.delta.task import Task
from utils.changes import read_record
from utils.errors import ServiceUnavailableError
from utils.export_table import ExportVersion
from utils.folder_store import FolderStore


class HeldLease:
    """A lease in memory; it is lost once it was asked for as often as `asked_at_most`."""

    def __init__(self, done=0, asked_at_most=None):
        self.done = done
        self.begun = False
        self.skipped = 0
        self._left = asked_at_most

    def still_owner(self):
        if self._left is None:
            return True
        self._left -= 1
        return self._left >= 0

    def begin(self):
        self.begun = True

    def published(self):
        return self.done

    def save_published(self, sequence):
        self.done = sequence

    def skip_orders(self, order):
        self.skipped = order


class Shard:
    """A stream in memory; `refuse` tells of each call, by its number from 1, which places do not get in."""

    def __init__(self, refuse=lambda _call, _count: ()):
        self.records = []
        self.calls = []
        self._refuse = refuse

    def put(self, records):
        self.calls.append(len(records))
        refused = set(self._refuse(len(self.calls), len(records)))
        self.records += [record for place, record in enumerate(records) if place not in refused]
        return dict.fromkeys(refused, "ProvisionedThroughputExceededException")


class LostReplies(Shard):
    """A stream whose first answer never comes although the records are in."""

    def put(self, records):
        super().put(records)
        if len(self.calls) == 1:
            raise ServiceUnavailableError("The answer got lost.")
        return {}


def ports(folder, table=ORDERS, **more):
    values = {
        "exports": FolderStore(folder / "exports"),
        "changes": FolderStore(folder / "changes"),
        "compared": FolderStore(folder / "compared"),
        "known_content": lambda _version: None,
        "lease": HeldLease(),
        "stream": Shard(),
        "scratch": folder,
        "memory_mb": 300,
        "pause": lambda _seconds: None,
    }
    return Ports(tables={table.name: table}, **{**values, **more})


def task(version="v1", order=1, previous=None, accepted=()):
    return Task(ExportVersion("acme", "orders", version), order, previous, frozenset(accepted))


def land(made, version, text, name="orders.csv"):
    made.exports.put(f"acme/orders/{version}/{name}", text if isinstance(text, bytes) else text.encode())


def received(made):
    """Return the changes in the stream, in order of arrival."""
    return [read_record(record.data, made.changes) for record in made.stream.records]
