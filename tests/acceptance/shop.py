"""A small project and its world: two dimensions, a fact, a calendar; a source, a warehouse and a store."""

import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from extraction.database import pipeline as extraction
from extraction.database import wiring as extraction_wiring
from load.warehouse import pipeline as load
from load.warehouse import wiring as load_wiring
from tests.fakes import Fuse, FusedSession, FusedStore
from transformation.star_schema import pipeline as transformation
from transformation.star_schema import wiring as transformation_wiring
from utils.deadline import no_deadline
from utils.postgres.url import DatabaseUrl, parse_url
from utils.project import Project, read_project

MODELS = {
    "dim_day.sql": """/*
kind = "calendar"
key = "day"
*/
SELECT date AS day, CAST(year(date) AS INTEGER) AS year
""",
    "dim_clerk.sql": """/*
kind = "dimension"
key = "clerk_id"
driving = "clerk"
[lookups]
team = {}
[tests]
not_null = "*"
*/
SELECT clerk.clerk_id, clerk.name, team.title
""",
    "fact_sale.sql": """/*
kind = "fact"
key = "sale_id"
driving = "sale"
[references]
clerk_id = "dim_clerk"
day = "dim_day"
[tests]
not_null = "*"
*/
SELECT sale.sale_id, sale.clerk_id, sale.units, CAST(sale.sold_at AS DATE) AS day
""",
}
SCHEMA = """
CREATE TABLE team (team_id int PRIMARY KEY, title text NOT NULL);
CREATE TABLE clerk (clerk_id int PRIMARY KEY, name text NOT NULL, team_id int NOT NULL REFERENCES team);
CREATE TABLE sale (sale_id int PRIMARY KEY, clerk_id int NOT NULL REFERENCES clerk, units int NOT NULL,
                   sold_at timestamp NOT NULL, last_updated timestamp NOT NULL DEFAULT now());
INSERT INTO team VALUES (1, 'north'), (2, 'south');
INSERT INTO clerk SELECT i, 'clerk ' || i, 1 + i % 2 FROM generate_series(1, 4) i;
INSERT INTO sale SELECT i, 1 + i % 4, i, timestamp '2024-03-01' + i * interval '1 day' FROM generate_series(1, 12) i;
"""
EXPECTED = {
    "dim_clerk": "SELECT clerk_id, name, title FROM clerk JOIN team USING (team_id) ORDER BY 1",
    "current_fact_sale": "SELECT sale_id, clerk_id, units, sold_at::date FROM sale ORDER BY 1",
}
HELD = {
    "dim_clerk": "SELECT clerk_id, name, title FROM dim_clerk WHERE NOT _deleted ORDER BY 1",
    "current_fact_sale": "SELECT sale_id, clerk_id, units, day FROM current_fact_sale ORDER BY 1",
}


@dataclass(frozen=True)
class World:
    """Everything one test touches."""

    project: Project
    source: DatabaseUrl
    warehouse: DatabaseUrl
    folder: Path

    def run(self, fuse: Fuse | None = None, run_id: str | None = None) -> int | None:
        """Run the three stages once and return the batch's number; the fuse may kill them."""
        fuse = fuse or Fuse()
        stores = FusedStore(self.folder / "landing", fuse), FusedStore(self.folder / "processed", fuse)
        run = extraction.Run(run_id or uuid.uuid4().hex, datetime.now(UTC), uuid.uuid4().hex[:8])
        with extraction_wiring.open_ports(self.project, self.source, *stores) as ports:
            manifest = extraction.extract_batch(run, ports).manifest
        scratch = self.folder / "scratch"
        scratch.mkdir(exist_ok=True)
        with transformation_wiring.open_ports(self.project, *stores, scratch) as ports:
            transformation.transform_pending(run.run_id, ports, no_deadline)
        with load_wiring.open_ports(self.project, self.warehouse, stores[1], scratch) as ports:
            fused = replace(ports, warehouse=FusedSession(ports.warehouse, fuse))
            load.load_pending(run.run_id, fused, no_deadline)
        return manifest.number if manifest else None

    def ask_source(self, query: str, **parameters: object) -> list[list[object]]:
        """Run a statement on the source."""
        return ask(self.source, query, **parameters)

    def ask_warehouse(self, query: str, **parameters: object) -> list[list[object]]:
        """Run a statement on the warehouse."""
        return ask(self.warehouse, query, **parameters)

    def assert_equal(self) -> None:
        """Compare the warehouse's current state with the source, and hold that no key is current twice."""
        for table, query in EXPECTED.items():
            assert self.ask_warehouse(HELD[table]) == self.ask_source(query), table
        twice = "SELECT sale_id FROM fact_sale WHERE _current GROUP BY 1 HAVING count(*) > 1"
        assert self.ask_warehouse(twice) == []

    def versions(self, sale_id: int) -> list[object]:
        """Return the units of every version of a sale, oldest first."""
        rows = self.ask_warehouse("SELECT units FROM fact_sale WHERE sale_id = :id ORDER BY _batch", id=sale_id)
        return [row[0] for row in rows]


def ask(url: DatabaseUrl, query: str, **parameters: object) -> list[list[object]]:
    """Run one statement in a session of its own."""
    with extraction_wiring.open_source(url) as session:
        return session.run(query, **parameters) or []


def make_world(folder: Path, source: str, warehouse: str) -> World:
    """Write the project and fill the source."""
    (folder / "project/models").mkdir(parents=True)
    (folder / "project/pipeline.toml").write_text('name = "shop"\ncursor = "last_updated"\n')
    for name, text in MODELS.items():
        (folder / "project/models" / name).write_text(text)
    world = World(read_project(folder / "project"), parse_url(source), parse_url(warehouse), folder / "store")
    world.folder.mkdir()
    world.ask_source(SCHEMA)
    return world
