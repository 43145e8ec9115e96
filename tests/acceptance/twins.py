"""Two warehouses of one source: one whose runs are disturbed, and one whose runs are left alone."""

import itertools
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.acceptance.shop import World, ask, make_world
from tests.processes import UNDISTURBED, Blow, Child, Place, start
from utils.postgres.url import parse_url

SERIAL = itertools.count(1)
# Note is a column whose values a test makes wide: a file then has several parts, and a COPY takes its time.
ADD_NOTE = "ALTER TABLE sale ADD COLUMN note text NOT NULL DEFAULT ''"
WIDEN = """
UPDATE sale SET note = (SELECT string_agg(md5((sale_id + i + CAST(:step AS int))::text), '')
                        FROM generate_series(1, CAST(:count AS int)) i)
"""
EDITS = (
    "UPDATE sale SET units = {step} WHERE sale_id = 1",
    "UPDATE sale SET units = {step}, last_updated = now() WHERE sale_id = 2 + {step} % 4",
    "UPDATE team SET title = 'north {step}' WHERE team_id = 1",
    "INSERT INTO sale SELECT max(sale_id) + 1, 1, {step}, '2024-05-01' FROM sale",
)
# All that a reader of the warehouse can see, each sale's versions in the order of their coming.
HELD = (
    "SELECT sale_id, clerk_id, units, day, md5(note), _current, _deleted FROM fact_sale "
    "ORDER BY sale_id, fact_sale_record_id",
    "SELECT clerk_id, name, title, _deleted FROM dim_clerk ORDER BY 1",
    "SELECT * FROM starlift.quarantine",
)
CHAIN = """
SELECT count(*) FROM (SELECT predecessor, lag(landing_checksum) OVER (ORDER BY batch) AS before FROM starlift.ledger) l
WHERE predecessor IS DISTINCT FROM before
"""


@dataclass(frozen=True)
class Twins:
    """One source and two places that are fed from it."""

    world: World
    disturbed: Place
    alone: Place

    def edit(self, step: int, note: int = 0) -> None:
        """Change the source in the ways that matter to a run, differently at each step; notes have that many bytes."""
        for statement in EDITS:
            self.world.ask_source(statement.format(step=step))
        if note:
            self.world.ask_source(WIDEN, step=step, count=note // 32)

    def start(self, blow: Blow = UNDISTURBED, **more: Any) -> Child:
        """Start a run of the one that is disturbed."""
        return start(self.disturbed, self.world.folder / f"notes-{next(SERIAL)}", blow, **more)

    def run(self) -> list[str]:
        """Run the one that is disturbed to its end, undisturbed for once, and return the points that it reached."""
        return finished(self.start())

    def assert_same(self) -> None:
        """Hold what the disturbed runs left against the source, and against the undisturbed runs' warehouse."""
        finished(start(self.alone, self.world.folder / f"notes-{next(SERIAL)}"))
        self.world.assert_equal()
        for query in HELD:
            assert ask(self.disturbed.job.warehouse, query) == ask(self.alone.job.warehouse, query)
        assert self.world.ask_warehouse(CHAIN) == [[0]]


def finished(child: Child) -> list[str]:
    """Return the points of a run that must end well."""
    assert child.end() == 0, child.points[-3:]
    return child.points


def make_twins(folder: Path, source: str, warehouses: tuple[str, str], store: str | None = None) -> Twins:
    """Return twins that have both run once; `store` is a bucket for the disturbed one, else a folder."""
    world = make_world(folder, source, warehouses[0])
    model = folder / "project/models/fact_sale.sql"
    model.write_text(model.read_text().replace("sale.units,", "sale.units, sale.note,"))
    world.ask_source(ADD_NOTE)
    place = Place(folder / "project", source, warehouses[0], store or str(world.folder / "disturbed"))
    alone = replace(place, warehouse=warehouses[1], store=str(world.folder / "alone"), environment={})
    return Twins(replace(world, warehouse=parse_url(warehouses[0])), place, alone)
