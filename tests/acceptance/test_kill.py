"""Kill a run at every side effect of all three stages, run again, and find nothing lost and nothing twice."""

import shutil

import pytest

from tests.acceptance.shop import make_world
from tests.fakes import Crash, Fuse

STEPS = 400  # more than a run has; the loop ends when a run outlives its fuse


@pytest.fixture
def world(make_database, tmp_path):
    return make_world(tmp_path, make_database(), make_database())


def run_until_crash(world, step):
    """Run with a fuse and tell whether it blew."""
    fuse = Fuse(blow_at=step)
    try:
        world.run(fuse)
    except Crash:
        return True
    assert fuse.steps < step
    return False


def test_a_crash_at_any_step_of_a_first_run_heals_at_the_next(world):
    for step in range(1, STEPS):
        crashed = run_until_crash(world, step)
        world.run()

        world.assert_equal()
        assert world.versions(1) == [1]
        if not crashed:
            break
        world.ask_warehouse("DROP SCHEMA public, starlift CASCADE; CREATE SCHEMA public")
        shutil.rmtree(world.folder)
        world.folder.mkdir()

    assert step > 40, "a run has more side effects than that, and each was tried"


def test_a_crash_at_any_step_of_a_later_run_heals_at_the_next(world):
    world.run()
    for step in range(1, STEPS):
        world.ask_source("UPDATE sale SET units = :units WHERE sale_id = 1", units=1000 + step)
        world.ask_source("UPDATE team SET title = :title WHERE team_id = 1", title=f"north {step}")

        crashed = run_until_crash(world, step)
        world.run()

        world.assert_equal()
        assert world.versions(1) == [1, *range(1001, 1001 + step)]
        if not crashed:
            break

    assert step > 40, "a run has more side effects than that, and each was tried"


def test_a_crashed_runs_retry_under_its_own_name_finishes_its_batch(world):
    fuse = Fuse()
    world.run(fuse, run_id="first")
    world.ask_source("UPDATE sale SET units = 77 WHERE sale_id = 2")

    with pytest.raises(Crash):
        world.run(Fuse(blow_at=9), run_id="second")
    world.run(run_id="second")

    world.assert_equal()
    assert world.versions(2) == [2, 77]
