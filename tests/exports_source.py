"""Exports of orders that arrive and succeed, for tests of what follows them."""

from dataclasses import dataclass

from extraction.exports import pipeline as exports
from extraction.exports.ports import Ports, Request
from local.exports.resync import Series
from tests.changes_factories import Place
from utils.export_table import ExportVersion
from utils.folder_store import FolderStore
from utils.postgres.url import parse_url
from utils.registry.sqlite import SqliteRegistry

HEADER = "id,item,amount\n"
V1 = HEADER + '1,pen,1.50\n2,"",2.50\n3,,3.50\n'


@dataclass(frozen=True)
class Source:
    """Exports of orders, their registry, and the target that follows them."""

    place: Place

    @property
    def registry(self) -> SqliteRegistry:
        return SqliteRegistry(self.place.folder / "registry.sqlite")

    @property
    def store(self) -> FolderStore:
        return FolderStore(self.place.folder / "arrived")

    @property
    def ports(self) -> Ports:
        return Ports(self.place.tables, self.store, self.registry)

    @property
    def series(self) -> Series:
        target = parse_url(self.place.url)
        return Series(self.place.tables["orders"], "acme", self.store, self.registry, target)

    def claim(self, version: str, content: str = V1):
        """Deliver an export, and begin to process it."""
        self.store.put(f"acme/orders/{version}/orders.csv", content.encode())
        request = Request(ExportVersion("acme", "orders", version), f"execution-{version}")
        exports.register(request, self.ports)
        return exports.acquire(request, self.ports)

    def succeed(self, version: str, content: str = V1) -> None:
        """Deliver an export whose changes are all in the stream."""
        exports.finish(self.claim(version, content), {}, self.ports)
