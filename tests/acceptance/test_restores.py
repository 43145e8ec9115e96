"""A source put back to an earlier time: noticed before anything is written, and mended by --resync."""

import shutil
from dataclasses import dataclass, replace

import pytest

from extraction.database.wiring import open_source
from local.postgres.embedded import EmbeddedPostgres, embedded_postgres
from tests.acceptance.command import Place
from tests.acceptance.shop import World, make_world
from tests.acceptance.sources import assert_refused, place_of
from tests.replication import (
    ARCHIVING,
    CARELESS,
    control,
    copy_by_backup,
    copy_folder,
    mark_restore_point,
    on,
    run_restored,
)
from utils.postgres.url import parse_url

pytestmark = pytest.mark.timeout(120)

SLOWLY = "1s"  # how often the log of what needs not last is flushed: a run is over sooner
WORLDS = ("refused", "resynced", "compared")
LOST = """
UPDATE sale SET units = 30 WHERE sale_id = 1;
UPDATE team SET title = 'lost' WHERE team_id = 1;
INSERT INTO sale VALUES (13, 1, 13, '2024-03-13');
DELETE FROM sale WHERE sale_id = 12;
"""


@dataclass(frozen=True)
class Restored:
    """A source restored to a point in time, the warehouse that saw more of it, and the command."""

    world: World  # over the restored source
    place: Place


def edit(world, script):
    for statement in filter(str.strip, script.split(";")):
        world.ask_source(statement)


def make_worlds(server, folder):
    for name in WORLDS:
        on(server, f"CREATE DATABASE {name}")
        on(server, f"CREATE DATABASE {name}_warehouse")
        (folder / name).mkdir()
    return [make_world(folder / name, server.url(name), server.url(f"{name}_warehouse")) for name in WORLDS]


def lose_changes(server, worlds, backup):
    """Let the worlds see changes that a restore from the backup to the point `before` takes back."""
    for world in worlds:
        world.run()
    copy_by_backup(server, "recovery.signal")(server.programs, backup)
    for world in worlds:
        edit(world, "UPDATE sale SET units = 20 WHERE sale_id = 1")
        world.run()
        edit(world, "UPDATE sale SET units = 21 WHERE sale_id = 1")
    mark_restore_point(server, "before")
    for world in worlds:
        edit(world, LOST)
        world.run()


@pytest.fixture(scope="module")
def restored(tmp_path_factory):
    """Restore one server with a world for each test."""
    with embedded_postgres(settings=ARCHIVING) as server:
        worlds = make_worlds(server, tmp_path_factory.mktemp("worlds"))
        backup = server.folder / "backup"
        lose_changes(server, worlds, backup)
        with run_restored(server, backup, "before") as after:
            moved = [replace(world, source=parse_url(after.url(world.source.database))) for world in worlds]
            yield {world.source.database: Restored(world, place_of(world, after)) for world in moved}


def test_a_source_restored_to_a_point_in_time_is_refused_before_anything_is_written(restored):
    place = restored["refused"].place

    assert_refused(place)
    place.ask("UPDATE sale SET units = units + 1")
    assert_refused(place)
    assert_refused(place, "--backfill", "sale")


def test_a_resync_after_a_restore_brings_the_warehouse_right_and_keeps_every_version(restored):
    world, place = restored["resynced"].world, restored["resynced"].place
    edit(world, "UPDATE sale SET units = 40 WHERE sale_id = 2")

    done = place.starlift("run", "--resync")

    assert done.exit_code == 0, done.stderr
    assert (world.versions(1), world.versions(2), world.versions(12)) == ([1, 20, 30, 21], [2, 40], [12])
    assert place.answer("verify")["tables"]["fact_sale"]["extra"] == 1
    assert world.ask_warehouse("SELECT DISTINCT title FROM dim_clerk ORDER BY 1") == [["north"], ["south"]]
    assert place.answer("run")["batch"] is None


def test_rows_that_a_restore_took_back_go_when_keys_are_compared(restored):
    world, place = restored["compared"].world, restored["compared"].place

    done = place.starlift("run", "--resync", "--compare-keys", "sale")
    edit(world, "UPDATE sale SET units = 41 WHERE sale_id = 1")
    place.starlift("run")

    assert done.exit_code == 0, done.stderr
    assert world.versions(1) == [1, 20, 30, 21, 41]
    assert world.ask_warehouse("SELECT units, _deleted FROM fact_sale WHERE sale_id = 13 ORDER BY _batch") == [
        [13, False],
        [13, True],
    ]
    assert place.answer("verify")["equal"]
    world.assert_equal()


@dataclass(frozen=True)
class Machine:
    """A server whose disk is copied and put back while it is down: nothing in it tells of that."""

    server: EmbeddedPostgres

    @property
    def data(self):
        return self.server.folder / "data"

    def crash(self):
        control(self.server, "stop", "-m", "immediate")
        control(self.server, "start")

    def copy(self):
        control(self.server, "stop", "-m", "fast")
        copy_folder(self.data, self.server.folder / "copy")
        control(self.server, "start")

    def put_back(self):
        control(self.server, "stop", "-m", "fast")
        shutil.rmtree(self.data)
        (self.server.folder / "copy").rename(self.data)
        control(self.server, "start")


@pytest.fixture(scope="module")
def machine():
    with embedded_postgres(settings={**CARELESS, "wal_writer_delay": SLOWLY}) as server:
        yield Machine(server)


@pytest.fixture
def world(machine, make_database, tmp_path):
    on(machine.server, "CREATE DATABASE shop")
    yield make_world(tmp_path, machine.server.url("shop"), make_database())
    on(machine.server, "DROP DATABASE shop WITH (FORCE)")


def rewind(machine, world):
    """Put the source's disk back to where it was before a change that the warehouse holds."""
    world.run()
    machine.copy()
    edit(world, LOST)
    world.run()
    machine.put_back()


def use_transactions(world, count):
    for _ in range(count):
        world.ask_source("SELECT pg_current_xact_id()::text")


def test_a_source_copied_back_from_disk_is_refused_even_once_it_has_caught_up(machine, world):
    place = place_of(world, machine.server)
    rewind(machine, world)

    assert_refused(place)
    edit(world, "UPDATE sale SET units = 31 WHERE sale_id = 2")
    use_transactions(world, 20)

    assert_refused(place)
    assert place.starlift("run", "--resync", "--compare-keys", "sale").exit_code == 0
    assert (world.versions(1), world.versions(2)) == ([1, 30, 1], [2, 31])
    world.assert_equal()
    assert place.answer("run")["batch"] is None


def test_a_source_copied_back_from_disk_without_a_change_in_between_goes_on(machine, world):
    world.run()
    machine.copy()
    machine.put_back()
    edit(world, "UPDATE sale SET units = 30 WHERE sale_id = 1")

    world.run()

    assert world.versions(1) == [1, 30]
    world.assert_equal()


def test_a_crash_of_the_source_right_after_a_run_hides_no_later_change(machine, world):
    world.run()
    world.ask_source("UPDATE sale SET units = 30 WHERE sale_id = 1")
    with open_source(world.source) as session:
        for _ in range(20):  # their ids go to others if the crash forgets them
            session.execute_simple("BEGIN; UPDATE sale SET units = 0; ROLLBACK")
    world.run()
    machine.crash()
    world.ask_source("UPDATE sale SET units = 31 WHERE sale_id = 2")
    use_transactions(world, 30)

    world.run()

    assert (world.versions(1), world.versions(2)) == ([1, 30], [2, 31])
    world.assert_equal()
