"""What killed runs leave behind is reported and, on demand and a day later, removed; nothing else ever is."""

import json
import os
import re
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from cli.main import app
from local.warehouse.orphans import find_orphans, recent_orphans, remove
from local.warehouse.standing import read_standing
from tests.acceptance.shop import make_world
from tests.fakes import Crash, Fuse

DAY = timedelta(days=1)


@pytest.fixture
def world(make_database, tmp_path):
    world = make_world(tmp_path, make_database(), make_database())
    world.run()
    for step in (2, 8, 14):
        world.ask_source("UPDATE sale SET units = units + 1")
        with suppress(Crash):
            world.run(Fuse(blow_at=step))
    world.run()
    return world


def later(**delta):
    return datetime.now(UTC) + timedelta(**delta)


def files(world):
    return {path.relative_to(world.folder).as_posix() for path in world.folder.rglob("*") if path.is_file()}


def clean(world, *more):
    return CliRunner().invoke(app, ["clean", "--store", str(world.folder), *more])


def age_by(world, seconds):
    for path in world.folder.rglob("*"):
        os.utime(path, (time.time() - seconds, time.time() - seconds))


def test_only_what_no_batch_names_is_found(world):
    found = find_orphans(str(world.folder), DAY, later(days=2))
    for half in found:
        remove(half)

    assert sum(len(half.objects) for half in found) > 0
    world.ask_warehouse("DROP SCHEMA public, starlift CASCADE; CREATE SCHEMA public")
    world.run()
    world.assert_equal()


def test_young_objects_stay(world):
    before = files(world)

    done = clean(world, "--yes")

    assert done.exit_code == 0
    assert "belongs to a batch, or is too young" in " ".join(done.stdout.split())
    assert files(world) == before


def test_old_orphans_are_shown_and_removed_once_somebody_says_so(world):
    age_by(world, 2 * 86400)
    before = files(world)

    asked, done = clean(world), clean(world, "--yes")

    assert asked.exit_code == 1
    assert "--yes" in asked.stderr
    assert "In no batch: " in done.stdout
    assert 0 < len(before) - len(files(world)) < len(before)
    assert json.loads(clean(world, "--yes", "--json").stdout) == {"removed": 0, "bytes": 0}


def test_an_object_that_was_committed_after_the_look_stays(world):
    world.ask_source("UPDATE sale SET units = units + 1")
    found = find_orphans(str(world.folder), DAY, later(days=2))
    world.run()
    manifest = next(half for half in found).half.log.read(found[0].newest + 1).manifest
    late = [file for table in manifest.tables for file in table.files]
    listed = tuple(each for each in found[0].half.log.store.list("") if each.key in {file.key for file in late})

    removed = remove(type(found[0])(found[0].half, found[0].newest, listed))

    assert len(listed) == len(late) > 0
    assert removed == 0


def test_status_reports_recent_orphans(world):
    standing = read_standing(world.project, str(world.folder), world.warehouse, later(hours=1))

    found = sum(len(half.objects) for half in find_orphans(str(world.folder), timedelta(hours=1), later(hours=2)))
    assert standing.orphans == found > 0
    assert standing.orphan_bytes > 0


def test_objects_of_a_run_at_work_are_not_reported(world):
    assert read_standing(world.project, str(world.folder), world.warehouse).orphans == 0


def test_objects_from_before_the_time_in_question_are_not_reported(world):
    assert (
        sum(len(half.objects) for half in recent_orphans(str(world.folder), later(minutes=2), later(hours=1), 1)) == 0
    )


def test_a_manifest_that_cannot_be_read_stops_it_before_anything_is_removed(world):
    age_by(world, 2 * 86400)
    (world.folder / "landing/_log/000000000001.json").write_text("{}")
    before = files(world)

    done = clean(world, "--yes")

    assert done.exit_code == 1
    assert "IntegrityError" in done.stderr
    assert files(world) == before


@pytest.mark.parametrize(("age", "code"), [("10m", 2), ("0", 2), ("x", 2), ("0h", 1)])
def test_an_age_that_could_hit_a_run_at_work_is_refused(world, age, code):
    before = files(world)

    done = clean(world, "--yes", "--older-than", age)

    assert done.exit_code == code
    assert re.search("at least[^a-z]+1h|1h or more", " ".join(done.stderr.split()))
    assert files(world) == before


@pytest.mark.parametrize("age", ["999999999999d", "99999999999999999999h"])
def test_an_age_past_any_objects_leaves_all_of_them(world, age):
    age_by(world, 2 * 86400)
    before = files(world)

    assert clean(world, "--yes", "--older-than", age).exit_code == 0
    assert files(world) == before


def test_a_store_that_holds_nothing_is_no_store(tmp_path):
    answer = CliRunner().invoke(app, ["clean", "--store", str(tmp_path / "mistyped")])

    assert answer.exit_code == 1
    assert "Is its name right?" in answer.stderr
