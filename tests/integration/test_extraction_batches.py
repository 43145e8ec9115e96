"""A batch exists when its manifest does: crashes, retries, races and lost files."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from extraction.database.pipeline import extract_batch
from tests.extraction_harness import SALE, SCHEMA, STAFF, Extraction, make_project, make_run, pretend, table_of
from utils.batch_log import LandingLog
from utils.errors import ManifestConflictError
from utils.folder_store import FolderStore

MODELS = {"dim_staff": STAFF, "fact_sale": SALE}
STEPS = 14  # before and after each of five files, the manifest and the hint


@pytest.fixture
def extraction(make_database, tmp_path: Path) -> Iterator[Extraction]:
    found = Extraction(make_database(), make_project(tmp_path / "project", MODELS), tmp_path / "store")
    found.edit(SCHEMA)
    yield found
    found.close()


def manifests(extraction: Extraction) -> list[str]:
    return [key for key in extraction.files() if key.startswith("_log/0")]


class Crash(BaseException):
    """Not an Exception, so that nothing under test may tidy up."""


@dataclass
class Fuse:
    """Blows at the given call, counted over all that it guards."""

    blow_at: int
    calls: int = 0

    def __call__(self) -> None:
        self.calls += 1
        if self.calls == self.blow_at:
            raise Crash


@dataclass(frozen=True)
class FusedStore(FolderStore):
    """A folder that may die before or after each write."""

    fuse: Callable[[], None] = lambda: None

    def write(self, key, blocks):
        self.fuse()
        written = super().write(key, blocks)
        self.fuse()
        return written

    def create(self, key, body):
        self.fuse()
        super().create(key, body)
        self.fuse()


def run_with_fuse(extraction: Extraction, fuse: Fuse, run):
    with extraction.ports() as ports:
        store = FusedStore(extraction.landing.root, fuse)
        return extract_batch(run, replace(ports, landing=LandingLog(store))).manifest


@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_no_row_is_lost_when_a_run_dies_at_any_step_and_is_retried(extraction, step):
    extraction.run()
    extraction.edit("UPDATE department SET name = 'x' WHERE id = 1", "UPDATE sale SET units = 1 WHERE id = 300")

    with pytest.raises(Crash):
        run_with_fuse(extraction, Fuse(step), make_run(run_id="dying"))
    extraction.edit("UPDATE staff SET name = 'x' WHERE id = 30")
    extraction.run(run_id="dying")
    extraction.run()

    assert landed_after(extraction, 1) == {("department", 1), ("sale", 300), ("staff", 30)}


def landed_after(extraction: Extraction, number: int) -> set[tuple[str, int]]:
    """Return the changed rows in all batches after one."""
    numbers = range(number + 1, extraction.log.newest() + 1)
    batches = [extraction.roles(extraction.log.read(each).manifest) for each in numbers]
    return {(name, id_) for batch in batches for name, roles in batch.items() for id_ in roles.get("changed", ())}


def test_the_steps_that_may_die_are_all_of_them(extraction):
    extraction.run()
    extraction.edit("UPDATE department SET name = 'x' WHERE id = 1", "UPDATE sale SET units = 1 WHERE id = 300")
    fuse = Fuse(0)

    run_with_fuse(extraction, fuse, make_run())

    assert fuse.calls == STEPS


def test_a_run_that_dies_before_its_manifest_makes_no_batch(extraction):
    with pytest.raises(Crash):
        run_with_fuse(extraction, Fuse(7), make_run())

    assert manifests(extraction) == []
    assert len(extraction.files()) == 3


def test_a_retry_that_finds_its_own_batch_returns_it_and_reads_nothing(extraction):
    first = extraction.run(run_id="once")
    extraction.edit("UPDATE sale SET units = 1 WHERE id = 300")
    before = extraction.files()

    again = extraction.run(run_id="once", token="ffffffff")

    assert again == first
    assert extraction.files() == before


def test_of_two_runs_that_race_one_wins_and_the_other_is_told_to_start_again(extraction):
    extraction.run()
    extraction.edit("UPDATE sale SET units = 1 WHERE id = 300")

    with extraction.ports() as ports, pytest.raises(ManifestConflictError, match="Run winner committed batch 2 first"):
        extract_batch(make_run(), replace(ports, view=lambda: overtaken(extraction, ports)))

    assert extraction.log.read(2).manifest.run_id == "winner"


@contextmanager
def overtaken(extraction: Extraction, ports) -> Iterator:
    """Let another run win between this run's reading of the log and its commit."""
    with ports.view() as view:
        extraction.run(run_id="winner")
        yield view


def test_each_batch_chains_to_the_one_before(extraction):
    extraction.run()
    extraction.edit("UPDATE sale SET units = 1 WHERE id = 300")
    batch = extraction.run()

    assert batch.predecessor == extraction.log.read(1).checksum
    assert batch.snapshot.horizon > extraction.log.read(1).manifest.snapshot.horizon


def lose(extraction: Extraction, manifest) -> None:
    for table in manifest.tables:
        for file in table.files:
            (extraction.landing.root / file.key).unlink()


def make_batches(extraction: Extraction, *ids: int) -> list:
    """Make a first batch and then one for each sale."""
    made = [extraction.run()]
    for id_ in ids:
        extraction.edit(f"UPDATE sale SET units = units + 1 WHERE id = {id_}")
        made.append(extraction.run())
    return made


def test_a_pending_batch_with_lost_files_is_superseded_by_one_that_reads_its_rows_again(extraction):
    batches = make_batches(extraction, 100, 200, 300)
    extraction.transformed_up_to(1)
    lose(extraction, batches[2])

    batch = extraction.run()

    assert (batch.number, batch.supersedes) == (5, (3,))
    assert extraction.ids(batch, "sale") == [200, 300]
    assert extraction.run() is None


def test_a_batch_that_was_transformed_may_lose_its_files(extraction):
    batches = make_batches(extraction, 100)
    extraction.transformed_up_to(2)
    lose(extraction, batches[1])

    assert extraction.run() is None


def test_what_a_lost_batch_had_superseded_is_read_again(extraction):
    batches = make_batches(extraction, 100, 200)
    extraction.transformed_up_to(1)
    lose(extraction, batches[1])
    lose(extraction, extraction.run())

    batch = extraction.run()

    assert batch.supersedes == (2, 4)
    assert extraction.ids(batch, "sale") == [100, 200]


def test_a_lost_first_batch_is_superseded_by_a_new_base(extraction):
    lose(extraction, make_batches(extraction, 100)[0])

    batch = extraction.run()

    assert (batch.number, batch.base, batch.supersedes) == (3, 3, (1,))
    assert extraction.ids(batch, "sale") == [100, 101, 200, 300]


def test_a_lost_batch_before_a_kept_base_needs_no_row_again(extraction):
    batches = make_batches(extraction, 100)
    extraction.transformed_up_to(1)
    extraction.run(resync=True)
    lose(extraction, batches[1])

    batch = extraction.run()

    assert batch.supersedes == (2,)
    assert not any(table.files for table in batch.tables)


def test_a_table_that_a_lost_batch_held_whole_is_read_whole_again(extraction):
    extraction.run()
    extraction.transformed_up_to(1)
    lose(extraction, extraction.run(backfill=("department",)))

    batch = extraction.run()

    assert extraction.ids(batch, "department") == [1, 2, 3]
    assert not table_of(batch, "sale").whole


def test_a_quiet_source_in_a_busy_cluster_has_a_heartbeat(extraction):
    extraction.edit("TRUNCATE department, staff, sale")
    horizon = extraction.run().snapshot.horizon
    pretend(extraction, horizon=horizon - 99_000_000)
    before = extraction.run()
    pretend(extraction, horizon=horizon - 101_000_000)

    batch = extraction.run()

    assert before is None
    assert batch.snapshot.horizon >= horizon
    assert not any(table.files for table in batch.tables)


def test_all_tables_are_read_as_of_one_moment(extraction):
    extraction.run()
    extraction.edit("UPDATE sale SET units = 1 WHERE id = 100")

    with extraction.ports() as ports:
        batch = extract_batch(
            make_run(), replace(ports, view=lambda: edited_after_the_snapshot(extraction, ports))
        ).manifest

    assert extraction.roles(batch) == {
        "sale": {"changed": [100]},
        "staff": {"context": [10]},
        "department": {"context": [1]},
    }
    assert extraction.ids(extraction.run(), "department") == [1]


@contextmanager
def edited_after_the_snapshot(extraction: Extraction, ports) -> Iterator:
    with ports.view() as view:
        extraction.edit("UPDATE department SET name = 'x' WHERE id = 1")
        yield view
