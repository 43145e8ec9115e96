"""The stage's promises: order, deadlines, retries, and that a crash anywhere heals at the next run."""

import logging
from dataclasses import dataclass, field, replace

import pytest

from tests.factories import Stage, source, sql_model, write_project
from transformation.star_schema import wiring
from transformation.star_schema.pipeline import transform_pending
from utils.batch_log import LandingLog, ProcessedLog
from utils.deadline import no_deadline
from utils.errors import IntegrityError, ManifestConflictError, ModelError
from utils.store import ObjectStore

ITEM = source("item", {"id": "integer", "name": "text"})
MODEL = sql_model("SELECT item.id, item.name")


@pytest.fixture
def stage(tmp_path):
    return Stage(write_project(tmp_path / "project", {"dim_item.sql": MODEL}), tmp_path)


def land(stage, *numbers):
    for number in numbers:
        stage.land(ITEM.holding((number, f"batch {number}")), number=number)


def test_waiting_batches_are_transformed_oldest_first(stage):
    land(stage, 1, 2, 3)

    answer = stage.transform()

    assert (answer["run_id"], answer["batches"], answer["more"]) == ("run-t", [1, 2, 3], False)
    assert answer["tables"] == {"dim_item": {"transformed": 3, "quarantined": 0, "gone": 0}}
    assert [stage.rows("dim_item", number) for number in (1, 2, 3)] == [[(n, f"batch {n}")] for n in (1, 2, 3)]


def test_with_nothing_waiting_the_answer_is_empty(stage):
    assert stage.transform() == {"run_id": "run-t", "batches": [], "tables": {}, "more": False}


def test_a_batch_is_transformed_once(stage):
    land(stage, 1)
    stage.transform()

    assert stage.transform()["batches"] == []


def test_past_its_deadline_the_stage_finishes_one_batch_and_answers_that_more_wait(stage):
    land(stage, 1, 2)

    answer = stage.transform(deadline=lambda _longest: False)

    assert (answer["batches"], answer["more"]) == ([1], True)


def test_the_manifest_repeats_what_ties_the_batch_to_its_source(stage):
    land(stage, 1)
    stage.transform()

    entry, found = LandingLog(stage.landing).read(1), stage.manifest()

    assert (found.landing, found.predecessor, found.base) == (entry.checksum, entry.manifest.predecessor, 1)
    assert (found.snapshot, found.attempt, found.run_id) == (entry.manifest.snapshot, 1, "run-t")


def test_a_batch_transformed_again_is_another_attempt_that_counts(stage):
    land(stage, 1)
    stage.transform()

    stage.transform_again(1)

    assert stage.manifest().attempt == 2
    assert stage.rows("dim_item") == [(1, "batch 1")]


def test_a_batch_whose_files_were_lost_is_passed_over_once_a_later_one_supersedes_it(stage):
    land(stage, 1)
    next(stage.root.glob("landing/item/1-*.csv")).unlink()
    stage.land(ITEM.holding((1, "again")), number=2, supersedes=(1,))

    answer = stage.transform()

    assert answer["batches"] == [1, 2]
    assert stage.manifest(1).tables == ()
    assert stage.rows("dim_item", 2) == [(1, "again")]


def test_a_batch_whose_files_were_lost_stops_the_run_and_says_what_to_do(stage):
    land(stage, 1)
    next(stage.root.glob("landing/item/1-*.csv")).unlink()

    with pytest.raises(IntegrityError, match="start another run"):
        stage.transform()


def test_an_altered_file_is_refused(stage):
    land(stage, 1)
    next(stage.root.glob("landing/item/1-*.csv")).write_text("id,name\n1,forged\n")

    with pytest.raises(IntegrityError, match="altered after it was written"):
        stage.transform()


def test_a_run_that_loses_the_race_for_a_batch_is_told_to_start_again(stage):
    land(stage, 1)

    class Rival(ProcessedLog):
        def commit(self, manifest):
            ProcessedLog(self.store).commit(replace(manifest, run_id="rival"))
            super().commit(manifest)

    with wiring.open_ports(stage.project, stage.landing, stage.processed, stage.scratch) as ports:
        rivalled = wiring.Ports(**vars(ports) | {"processed": Rival(stage.processed)})
        with pytest.raises(ManifestConflictError):
            transform_pending("run-t", rivalled, no_deadline)


@pytest.mark.parametrize("body", ["SELECT item.id, item.name", "SELECT item.id, nonsense(item.name) AS name"])
def test_scratch_space_is_empty_afterwards_even_when_a_model_fails(tmp_path, body):
    stage = Stage(write_project(tmp_path / "project", {"dim_item.sql": sql_model(body)}), tmp_path)
    land(stage, 1)

    try:
        stage.transform()
    except ModelError:
        assert "nonsense" in body

    assert list(stage.scratch.iterdir()) == []


def test_every_batch_logs_its_models_and_its_time_but_no_row(stage, caplog):
    caplog.set_level(logging.INFO)
    land(stage, 1)

    stage.transform()

    lines = {record.message: vars(record) for record in caplog.records}
    assert (lines["model built"]["table"], lines["model built"]["row_count"]) == ("dim_item", 1)
    assert lines["batch transformed"]["batch"] == 1
    assert "batch 1" not in caplog.text.replace("batch transformed", "")


class Crash(BaseException):
    """Not an Exception: nothing under test may tidy up after it."""


@dataclass
class Fuse:
    """Counts calls and burns at one of them."""

    blow_at: int
    calls: int = 0

    def __call__(self) -> None:
        self.calls += 1
        if self.calls == self.blow_at:
            raise Crash


@dataclass(frozen=True)
class FusedStore:
    """A store that dies before, or right after, one of its writes."""

    store: ObjectStore
    fuse: Fuse = field(default_factory=lambda: Fuse(0))

    def __getattr__(self, name):
        method = getattr(self.store, name)
        if name not in {"write", "create", "put"}:
            return method

        def fused(*arguments):
            self.fuse()
            result = method(*arguments)
            self.fuse()
            return result

        return fused


def run_with(stage, fuse):
    processed = FusedStore(stage.processed, fuse)
    with wiring.open_ports(stage.project, stage.landing, processed, stage.scratch) as ports:
        return transform_pending("run-t", ports, no_deadline)


def bad_and_good(stage):
    for number in (1, 2):
        stage.land(ITEM.holding((number, "keep"), (number + 10, "drop"), (number + 20, None)), number=number)


DROPPING = sql_model(
    "SELECT item.id, item.name WHERE coalesce(item.name, '') <> 'drop'", more='tests.not_null = "name"'
)
CALLS = 2 * 2 * (3 + 2)  # before and after; two batches; three files, the manifest and the hint


@pytest.mark.parametrize("step", range(1, CALLS + 1))
def test_a_run_that_dies_at_any_step_is_healed_by_the_next(tmp_path, step):
    stage = Stage(write_project(tmp_path / "project", {"dim_item.sql": DROPPING}), tmp_path)
    bad_and_good(stage)

    with pytest.raises(Crash):
        run_with(stage, Fuse(step))
    stage.transform()

    assert [stage.rows("dim_item", number) for number in (1, 2)] == [[(1, "keep")], [(2, "keep")]]
    assert [stage.gone("dim_item", number) for number in (1, 2)] == [[(11,)], [(12,)]]
    assert [len(stage.quarantined("dim_item", number)) for number in (1, 2)] == [1, 1]


def test_the_test_above_dies_at_every_step_there_is(tmp_path):
    stage, fuse = Stage(write_project(tmp_path / "project", {"dim_item.sql": DROPPING}), tmp_path), Fuse(0)
    bad_and_good(stage)

    run_with(stage, fuse)

    assert fuse.calls == CALLS
