"""A shop on a five-minute schedule: each run's edits, what it costs, and what the warehouse must hold by then."""

import contextlib
import itertools
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from extraction.database import pipeline as extraction
from extraction.database import wiring as extraction_wiring
from load.warehouse import pipeline as load
from load.warehouse import wiring as load_wiring
from tests.acceptance.shop import World, make_world
from transformation.star_schema import pipeline as transformation
from transformation.star_schema import wiring as transformation_wiring
from utils.deadline import no_deadline
from utils.folder_store import FolderStore
from utils.store import ObjectStore

EVERY = timedelta(minutes=5)
BEGINNING = datetime(2024, 1, 1, tzinfo=UTC)
SCRIPT = """
BEGIN;
INSERT INTO sale SELECT m + i, 1 + i, {units}, timestamp '2024-03-02' + i * interval '1 day', '{at}'
    FROM (SELECT max(sale_id) AS m FROM sale) s, generate_series(1, 3) i;
UPDATE sale SET units = {units} + sale_id, last_updated = '{at}' WHERE sale_id IN (1, {sale});
UPDATE sale SET units = units + 1 WHERE sale_id IN (2, 3, {silent});
UPDATE sale SET clerk_id = 1 + clerk_id % 4 WHERE sale_id = 4;
UPDATE clerk SET team_id = {team} WHERE clerk_id = 3;
UPDATE team SET title = 'renamed {number}' WHERE team_id = 3 - {team};
COMMIT;
"""
VISIBLE = "SELECT sale_id, clerk_id, units, sold_at::date FROM sale"
HELD = "SELECT sale_id, clerk_id, units, day FROM fact_sale ORDER BY sale_id, _batch"
LEDGER = """
SELECT count(*), min(batch), max(batch), count(*) FILTER (WHERE predecessor IS DISTINCT FROM before)
FROM (SELECT batch, predecessor, lag(landing_checksum) OVER (ORDER BY batch) AS before FROM starlift.ledger) l
"""


def moment(number: int) -> datetime:
    """Return the time at which a batch is due, by the schedule's own clock."""
    return BEGINNING + number * EVERY


class CountedStore:
    """A store that notes what it is asked, by kind."""

    def __init__(self, store: ObjectStore, calls: Counter[str]) -> None:
        self._store, self._calls = store, calls

    def __getattr__(self, name: str) -> object:
        member = getattr(self._store, name)
        if not callable(member):
            return member

        def counted(*arguments: object) -> object:
            self._calls[name] += 1
            return member(*arguments)

        return counted


@dataclass
class Cost:
    """What one run took."""

    batch: int | None = None
    calls: Counter[str] = field(default_factory=Counter)  # of both stores, by kind
    seconds: dict[str, float] = field(default_factory=dict)  # by stage

    @contextlib.contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        begun = time.perf_counter()
        yield
        self.seconds[stage] = time.perf_counter() - begun


@dataclass
class Schedule:
    """A shop whose runs follow each other, and the versions of each sale that they could see."""

    world: World
    landing: ObjectStore
    processed: ObjectStore
    number: int = 0  # of the newest batch
    versions: dict[int, list[tuple[object, ...]]] = field(default_factory=dict)

    def edit(self) -> None:
        """Insert, update, update in silence, move a child and rename a parent: the same kinds before each run."""
        chance, number = random.Random(self.number), self.number + 1
        sale, silent = chance.sample(range(5, 13), 2)
        values = {"sale": sale, "silent": silent, "units": chance.randrange(1000), "team": 1 + number % 2}
        with extraction_wiring.open_source(self.world.source) as session:
            session.execute_simple(SCRIPT.format(**values, number=number, at=f"{moment(number):%Y-%m-%d %H:%M}"))

    def observe(self) -> None:
        """Note what the next run can see of each sale."""
        for key, *rest in self.world.ask_source(VISIBLE):
            known = self.versions.setdefault(key, [])
            if known[-1:] != [tuple(rest)]:
                known.append(tuple(rest))

    def run_edited(self) -> Cost:
        """Edit the source, and run."""
        self.edit()
        return self.run()

    def run(self) -> Cost:
        """Run the three stages when the next batch is due, and return what that cost."""
        self.observe()
        cost, at = Cost(), moment(self.number + 1)
        stores = CountedStore(self.landing, cost.calls), CountedStore(self.processed, cost.calls)
        run = extraction.Run(f"run-{uuid.uuid4().hex}", at, uuid.uuid4().hex[:8])
        with cost.timed("extraction"):
            manifest = self._extract(run, stores)
        with cost.timed("transformation"):
            with transformation_wiring.open_ports(self.world.project, *stores, self.scratch) as ports:
                transformation.transform_pending(run.run_id, ports, no_deadline)
        with cost.timed("load"):
            with load_wiring.open_ports(self.world.project, self.world.warehouse, stores[1], self.scratch) as ports:
                load.load_pending(run.run_id, ports, no_deadline)
        cost.batch = manifest.number if manifest else None
        self.number = cost.batch or self.number
        return cost

    def _extract(self, run: extraction.Run, stores: tuple[CountedStore, CountedStore]):
        with extraction_wiring.open_ports(self.world.project, self.world.source, *stores) as ports:
            view = ports.view

            @contextlib.contextmanager
            def as_of_schedule():
                with view() as seen:  # the source's clock, moved to the schedule's; nothing else is made up
                    yield replace(seen, snapshot=replace(seen.snapshot, taken_at=run.started_at.isoformat()))

            return extraction.extract_batch(run, replace(ports, view=as_of_schedule)).manifest

    @property
    def scratch(self) -> Path:
        """A folder for what the stages put down for a moment."""
        self.world.folder.mkdir(exist_ok=True)
        return self.world.folder

    def assert_correct(self) -> None:
        """Hold the ledger gapless and chained, and the warehouse equal to the source, version by version."""
        assert self.world.ask_warehouse(LEDGER) == [[self.number, 1, self.number, 0]]
        self.world.assert_equal()
        rows = self.world.ask_warehouse(HELD)
        found = {key: [tuple(row[1:]) for row in group] for key, group in itertools.groupby(rows, lambda row: row[0])}
        assert found == self.versions
        assert self.world.ask_warehouse("SELECT count(*) FROM starlift.quarantine") == [[0]]


def make_schedule(folder: Path, source: str, warehouse: str) -> Schedule:
    """Return a shop with a folder store, and no batch yet."""
    world = make_world(folder, source, warehouse)
    world.ask_source("UPDATE sale SET last_updated = :at", at=BEGINNING.replace(tzinfo=None))
    return Schedule(world, FolderStore(world.folder / "landing"), FolderStore(world.folder / "processed"))


def open_handles() -> tuple[int, int]:
    """Return how many file descriptors and threads this process has."""
    return len(list(Path("/proc/self/fd").iterdir())), threading.active_count()
