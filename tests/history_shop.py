"""A small shop whose runs tell what they could see: what random histories are compared with."""

import shutil
import threading
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from extraction.database import pipeline as extraction
from extraction.database import wiring as extraction_wiring
from load.warehouse import pipeline as load
from load.warehouse import wiring as load_wiring
from tests.acceptance.shop import ask
from tests.fakes import Fuse, FusedSession, FusedStore
from transformation.star_schema import pipeline as transformation
from transformation.star_schema import wiring as transformation_wiring
from utils.batch_log import LandingLog, ProcessedLog
from utils.deadline import no_deadline
from utils.errors import ManifestConflictError, WarehouseBusyError
from utils.folder_store import FolderStore
from utils.postgres.url import DatabaseUrl, parse_url
from utils.project import Project, read_project

PIPELINE = """
cursor = "touched"
[tables.sale]
deletes = "compare-keys"
deletes_max_share = 1
[tables.clerk]
deletes = "compare-keys"
deletes_max_share = 1
"""
MODELS = {
    "dim_clerk.sql": """/*
kind = "dimension"
key = "clerk_id"
driving = "clerk"
history = "versions"
[lookups]
team = {}
region = { from = "team" }
*/
SELECT clerk.clerk_id, clerk.name, team.title, region.name AS region
""",
    "fact_sale.sql": """/*
kind = "fact"
key = "sale_id"
driving = "sale"
[lookups]
clerk = {}
team = { from = "clerk" }
[references]
clerk_id = "dim_clerk"
*/
SELECT sale.sale_id, sale.clerk_id, sale.units, team.title
""",
}
TABLES = """
CREATE TABLE region (region_id int PRIMARY KEY, name text);
CREATE TABLE team (team_id int PRIMARY KEY, region_id int REFERENCES region, title text);
CREATE TABLE clerk (clerk_id int PRIMARY KEY, team_id int REFERENCES team, name text);
CREATE TABLE sale (sale_id int PRIMARY KEY, clerk_id int REFERENCES clerk, units int);
""" + "".join(
    f"ALTER TABLE {t} ADD COLUMN touched timestamp DEFAULT now();" for t in ("region", "team", "clerk", "sale")
)
ROWS = """
TRUNCATE region, team, clerk, sale;
INSERT INTO region VALUES (1, 'r1'), (2, 'r2');
INSERT INTO team VALUES (1, 1, 't1'), (2, 2, 't2');
INSERT INTO clerk VALUES (1, 1, 'c1'), (2, 2, 'c2'), (3, 1, 'c3');
INSERT INTO sale VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3);
"""
# What a run can see, by warehouse table: key, then the model's other columns.
VISIBLE = {
    "fact_sale": "SELECT sale_id, clerk_id, units, title FROM sale JOIN clerk USING (clerk_id) "
    "JOIN team USING (team_id)",
    "dim_clerk_history": "SELECT clerk_id, c.name, title, r.name FROM clerk c JOIN team USING (team_id) "
    "JOIN region r USING (region_id)",
}
HELD = {
    "fact_sale": "SELECT sale_id, clerk_id, units, title, _deleted FROM fact_sale ORDER BY fact_sale_record_id",
    "dim_clerk_history": "SELECT clerk_id, name, title, region, _deleted FROM dim_clerk_history ORDER BY valid_from, 1",
}
TILED = """
SELECT count(*) FROM (
    SELECT valid_to = coalesce(lead(valid_from) OVER w, 'infinity') AND valid_from < valid_to
           AND is_current = (valid_to = 'infinity') AS sound
    FROM dim_clerk_history WINDOW w AS (PARTITION BY clerk_id ORDER BY valid_from)) h WHERE NOT sound
"""
LOST_RACES = (ManifestConflictError, WarehouseBusyError)
Observation = Mapping[str, Mapping[int, tuple[object, ...]]]


@dataclass
class Tally:
    """How much was tried."""

    counts: dict[str, int] = field(default_factory=dict)

    def add(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1


@dataclass(frozen=True)
class Shop:
    """A project, its two databases and its store, to be used again for every history."""

    project: Project
    source: DatabaseUrl
    warehouse: DatabaseUrl
    folder: Path
    tally: Tally = field(default_factory=Tally)

    @property
    def landing(self) -> LandingLog:
        return LandingLog(FolderStore(self.folder / "store/landing"))

    @property
    def processed(self) -> ProcessedLog:
        return ProcessedLog(FolderStore(self.folder / "store/processed"))

    def begin(self) -> None:
        """Forget everything, and put the first rows into the source."""
        shutil.rmtree(self.folder / "store", ignore_errors=True)
        (self.folder / "store/scratch").mkdir(parents=True)
        ask(self.source, ROWS)
        ask(self.warehouse, "DROP SCHEMA IF EXISTS starlift CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public")

    def run(self, run_id: str, fuse: Fuse | None = None, seen: Callable[[], None] = lambda: None) -> None:
        """Run the three stages; `seen` is called once the run has its snapshot of the source."""
        fuse = fuse or Fuse()
        stores = [FusedStore(self.folder / "store" / name, fuse) for name in ("landing", "processed")]
        scratch = self.folder / "store/scratch"
        run = extraction.Run(run_id, datetime.now(UTC), uuid.uuid4().hex[:8])
        with extraction_wiring.open_ports(self.project, self.source, *stores) as ports:
            extraction.extract_batch(run, replace(ports, view=lambda: _seen(ports, seen)))
        with transformation_wiring.open_ports(self.project, *stores, scratch) as ports:
            transformation.transform_pending(run_id, ports, no_deadline)
        with load_wiring.open_ports(self.project, self.warehouse, stores[1], scratch) as ports:
            load.load_pending(run_id, replace(ports, warehouse=FusedSession(ports.warehouse, fuse)), no_deadline)

    def load_again(self, number: int) -> object:
        """Load a batch whatever the ledger says, as a second execution may that looked before the first committed."""
        store, scratch = self.processed.store, self.folder / "store/scratch"
        with load_wiring.open_ports(self.project, self.warehouse, store, scratch) as ports:
            return load.load_batch(self.processed.read(number), ports)

    def observe(self) -> Observation:
        """Return what a run would see now."""
        return {table: {key: tuple(rest) for key, *rest in ask(self.source, query)} for table, query in VISIBLE.items()}


@contextmanager
def _seen(ports, seen):
    with ports.view() as view:
        seen()
        yield view


def make_shop(folder: Path, source: str, warehouse: str) -> Shop:
    """Write the project and create the source's tables."""
    (folder / "project/models").mkdir(parents=True)
    (folder / "project/pipeline.toml").write_text(PIPELINE)
    for name, text in MODELS.items():
        (folder / "project/models" / name).write_text(text)
    shop = Shop(read_project(folder / "project"), parse_url(source), parse_url(warehouse), folder)
    ask(shop.source, TABLES)
    return shop


@dataclass
class Expected:
    """The versions that the warehouse must hold, by table and key; None stands for a deleted row."""

    last: Observation = field(default_factory=lambda: {table: {} for table in VISIBLE})
    versions: dict[tuple[str, int], list[tuple[object, ...] | None]] = field(default_factory=dict)

    def add(self, observation: Observation) -> None:
        for table, rows in observation.items():
            for key in self.last[table].keys() | rows.keys():
                if self.last[table].get(key) != rows.get(key):
                    self.versions.setdefault((table, key), []).append(rows.get(key))
        self.last = observation


class SlowRun:
    """A run that took its snapshot, and waits while others go on."""

    def __init__(self, shop: Shop) -> None:
        self.newest = shop.landing.newest()
        self.observation: Observation = {}
        self._looked, self._go_on = threading.Event(), threading.Event()
        self._pool = ThreadPoolExecutor(1)
        self._run = self._pool.submit(shop.run, uuid.uuid4().hex, seen=lambda: self._pause(shop))
        assert self._looked.wait(30)

    def _pause(self, shop: Shop) -> None:
        self.observation = shop.observe()  # nobody writes while the machine waits for this
        self._looked.set()
        assert self._go_on.wait(60)

    def finish(self) -> None:
        self._go_on.set()
        failure = self._run.exception(60)
        self._pool.shutdown()
        if failure and not isinstance(failure, LOST_RACES):
            raise failure
