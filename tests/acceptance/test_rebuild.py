"""A changed model: told of in every run, transformed again while it waits, and rebuilt over all that landed."""

import shutil
from contextlib import suppress
from dataclasses import replace
from functools import partial

import pytest

from load.warehouse.wiring import open_ports
from local import rebuild as local_rebuild
from local.rebuild import rebuild_model
from local.run import Job
from tests.acceptance.command import make_place
from tests.fakes import Crash, Fuse, FusedSession
from utils.postgres.url import parse_url
from utils.project import read_project

MAKER = '/*\nkind = "dimension"\nkey = "id"\ndriving = "maker"\n*/\nSELECT maker.id, maker.name\n'
ITEM = """/*
kind = "fact"
key = "id"
driving = "item"
[references]
maker = "dim_maker"
*/
SELECT item.id, item.maker, item.units
"""
DOUBLED = ITEM.replace("item.units", "item.units * 2 AS units")


@pytest.fixture
def shop(tmp_path, make_database):
    place = make_place(tmp_path, make_database, {"dim_maker.sql": MAKER, "fact_item.sql": ITEM})
    place.ask("CREATE TABLE maker (id int PRIMARY KEY, name text); INSERT INTO maker VALUES (1, 'one'), (2, 'two')")
    place.ask("CREATE TABLE item (id int PRIMARY KEY, maker int, units int)")
    place.ask("INSERT INTO item VALUES (10, 1, 5), (20, 2, 6)")
    place.starlift("run")
    change(place, "UPDATE item SET units = 7 WHERE id = 10")
    return place


def change(place, statement):
    place.ask(statement)
    return place.starlift("run")


def write_model(place, name, text):
    (place.project / "models" / f"{name}.sql").write_text(text)


def versions(place, column="units"):
    query = f"SELECT id, {column}, _batch, _current FROM fact_item ORDER BY id, _batch"
    return place.ask(query, "warehouse")


def assert_sound(place):
    answer = place.answer("verify")
    assert answer["equal"], answer
    leftovers = "SELECT relname FROM pg_class WHERE relname LIKE '\\_rebuild%'"
    assert place.ask(leftovers, "warehouse") == []


def test_a_rebuilt_fact_has_the_versions_that_the_batches_hold_under_the_new_model(shop):
    write_model(shop, "fact_item", DOUBLED)

    done = shop.starlift("run", "--rebuild", "fact_item")

    assert done.exit_code == 0, done.stderr
    assert versions(shop) == [[10, 10, 1, False], [10, 14, 2, True], [20, 12, 1, True]]
    assert_sound(shop)


def test_a_changed_model_warns_in_every_run_until_it_is_rebuilt(shop):
    write_model(shop, "fact_item", DOUBLED)
    told = shop.answer("status")["changed_models"]
    quiet, busy = shop.starlift("run"), change(shop, "UPDATE item SET units = 8 WHERE id = 10")

    rebuilt = shop.starlift("run", "--rebuild", "fact_item")
    after = shop.starlift("run")

    assert told == ["fact_item"]
    assert shop.answer("status")["changed_models"] == []
    assert all("fact_item: the model changed" in run.stderr and "--rebuild" in run.stderr for run in (quiet, busy))
    assert "the model changed" not in rebuilt.stderr + after.stderr


@pytest.mark.parametrize(
    ("text", "warns"),
    [
        (ITEM.replace("SELECT", "-- all of them\nSELECT  /* really */"), False),
        (ITEM.replace("item.units", "item.units + 0 AS units"), True),
        (ITEM.replace("key = ", "[tests]\nnot_null = ['id']\n").replace("[tests]", "key = 'id'\n#") + "", False),
        (ITEM.replace("[references]", "[tests]\nnot_null = ['units']\n[references]"), True),
    ],
)
def test_a_comment_is_no_change_and_a_test_is_one(shop, text, warns):
    write_model(shop, "fact_item", text)

    assert ("the model changed" in shop.starlift("run").stderr) == warns


def test_a_changed_lookup_file_is_a_changed_model(tmp_path, make_database):
    model = MAKER.replace("*/", '[lookups]\nnames = { file = "names.csv", on = "id" }\n*/').replace(
        "maker.name", "names.name"
    )
    place = make_place(tmp_path, make_database, {"dim_maker.sql": model})
    (place.project / "lookups").mkdir()
    (place.project / "lookups/names.csv").write_text("id,name\n1,one\n")
    place.ask("CREATE TABLE maker (id int PRIMARY KEY); INSERT INTO maker VALUES (1)")
    place.starlift("run")
    (place.project / "lookups/names.csv").write_text("id,name\n1,uno\n")

    warned = place.starlift("run")
    place.starlift("run", "--rebuild", "dim_maker")

    assert "dim_maker: the model changed" in warned.stderr
    assert place.ask("SELECT name FROM dim_maker", "warehouse") == [["uno"]]


@pytest.mark.parametrize(
    ("text", "column", "expected"),
    [
        (ITEM.replace("item.units", "item.units::text || '!' AS units"), "units", ["5!", "7!", "6!"]),
        (ITEM.replace("item.units", "item.units AS pieces"), "pieces", [5, 7, 6]),
        (ITEM.replace(", item.units", ", item.units, item.units + 1 AS more"), "more", [6, 8, 7]),
    ],
)
def test_a_model_that_the_table_cannot_follow_is_rebuilt(shop, text, column, expected):
    write_model(shop, "fact_item", text)
    shop.ask("UPDATE item SET units = units WHERE id = 20")
    shop.starlift("run")

    done = shop.starlift("run", "--rebuild", "fact_item")

    assert done.exit_code == 0, done.stderr
    assert [row[1] for row in versions(shop, column)] == expected
    assert_sound(shop)


def test_a_dimension_that_facts_refer_to_is_rebuilt_under_them(shop):
    write_model(shop, "dim_maker", MAKER.replace("maker.name", "upper(maker.name) AS name"))

    done = shop.starlift("run", "--rebuild", "dim_maker")

    assert done.exit_code == 0, done.stderr
    assert shop.ask("SELECT id, name FROM dim_maker ORDER BY 1", "warehouse") == [[1, "ONE"], [2, "TWO"]]
    refused = "INSERT INTO fact_item (id, maker, _batch, _current, _deleted) VALUES (1, 99, 1, true, false)"
    with pytest.raises(Exception, match="violates foreign key"):
        shop.ask(refused, "warehouse")
    assert_sound(shop)


def test_history_is_rebuilt_with_its_times(shop):
    versioned = MAKER.replace('driving = "maker"', 'driving = "maker"\nhistory = "versions"')
    write_model(shop, "dim_maker", versioned)
    change(shop, "UPDATE maker SET name = 'uno' WHERE id = 1")
    query = "SELECT id, name, valid_from, valid_to, is_current FROM dim_maker_history ORDER BY id, valid_from"
    before = shop.ask(query, "warehouse")

    shop.starlift("run", "--rebuild", "dim_maker")

    assert shop.ask(query, "warehouse") == before
    assert len(before) == 3
    assert_sound(shop)


def test_batches_whose_files_are_gone_shorten_the_history(shop):
    shop.starlift("run", "--backfill", "item")
    change(shop, "UPDATE item SET units = 8 WHERE id = 10")
    shutil.rmtree(next((shop.store / "landing/item").iterdir()))
    change(shop, "UPDATE item SET units = 9 WHERE id = 10")
    shop.starlift("run", "--backfill", "item")
    write_model(shop, "fact_item", DOUBLED)

    done = shop.starlift("run", "--rebuild", "fact_item")

    assert "its history begins with batch" in " ".join(done.stderr.split())
    assert [row[1] for row in versions(shop)] == [18, 12]
    assert_sound(shop)


def test_without_any_landed_file_the_source_is_read_and_what_changes_later_wins(shop):
    shutil.rmtree(shop.store / "landing/item")
    write_model(shop, "fact_item", DOUBLED)

    done = shop.starlift("run", "--rebuild", "fact_item")
    change(shop, "UPDATE item SET units = 9 WHERE id = 10")

    assert "read from the source as it is now" in " ".join(done.stderr.split())
    assert [row[:2] for row in versions(shop)] == [[10, 14], [10, 18], [20, 12]]
    assert_sound(shop)


def test_a_model_that_reads_a_new_table_is_rebuilt_from_the_source(shop):
    shop.ask("CREATE TABLE land (id int PRIMARY KEY, name text); INSERT INTO land VALUES (1, 'here')")
    shop.ask("ALTER TABLE maker ADD COLUMN land int REFERENCES land; UPDATE maker SET land = 1 WHERE id = 1")
    write_model(
        shop,
        "dim_maker",
        MAKER.replace("*/", "[lookups]\nland = {}\n*/").replace("maker.name", "maker.name, land.name AS land"),
    )

    done = shop.starlift("run", "--rebuild", "dim_maker")

    assert done.exit_code == 0, done.stderr
    assert shop.ask("SELECT id, land FROM dim_maker ORDER BY 1", "warehouse") == [[1, "here"], [2, None]]
    assert_sound(shop)


def test_rights_and_names_survive(shop):
    shop.ask("DROP ROLE IF EXISTS reader; CREATE ROLE reader", "warehouse")
    shop.ask("GRANT SELECT ON fact_item TO reader; GRANT SELECT ON current_fact_item TO reader", "warehouse")
    names = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1"
    keys = "SELECT conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n' ORDER BY 1"
    before = [shop.ask(query, "warehouse") for query in (names, keys)]

    shop.starlift("run", "--rebuild", "fact_item")

    assert [shop.ask(query, "warehouse") for query in (names, keys)] == before
    for table in ("fact_item", "current_fact_item"):
        assert shop.ask(f"SELECT has_table_privilege('reader', '{table}', 'SELECT')", "warehouse") == [[True]]
    shop.ask("DROP OWNED BY reader; DROP ROLE reader", "warehouse")


def test_somebody_elses_view_is_named_and_nothing_is_lost(shop):
    shop.ask("CREATE VIEW theirs AS SELECT units FROM fact_item", "warehouse")
    write_model(shop, "fact_item", DOUBLED)
    before = versions(shop)

    done = shop.starlift("run", "--rebuild", "fact_item")
    shop.ask("DROP VIEW theirs", "warehouse")
    again = shop.starlift("run", "--rebuild", "fact_item")

    assert done.exit_code == 1
    assert "view public.theirs depends on table public.fact_item" in " ".join(done.stderr.split())
    assert before[0][1] == 5
    assert again.exit_code == 0
    assert_sound(shop)


def test_rows_that_the_new_model_refuses_go_to_quarantine_and_others_leave_it(shop):
    strict = ITEM.replace("[references]", "[tests.range]\nunits = [0, 6]\n[references]")
    write_model(shop, "fact_item", strict)
    shop.starlift("run", "--rebuild", "fact_item")
    refused = shop.answer("status")["quarantine"]
    write_model(shop, "fact_item", DOUBLED)

    shop.starlift("run", "--rebuild", "fact_item")

    assert refused == {"fact_item": 1}
    assert shop.answer("status")["quarantine"] == {}
    assert_sound(shop)


def test_a_batch_that_waits_is_transformed_again_for_the_rebuilt_table(shop):
    write_model(shop, "fact_item", ITEM.replace("item.units", "item.units::text AS units"))
    refused = change(shop, "UPDATE item SET units = 9 WHERE id = 20")
    write_model(shop, "fact_item", ITEM.replace("item.units", "item.units AS pieces"))

    done = shop.starlift("run", "--rebuild", "fact_item")

    assert "SchemaDriftError" in refused.stderr
    assert done.exit_code == 0, done.stderr
    assert [row[1] for row in versions(shop, "pieces")] == [5, 7, 6, 9]
    assert_sound(shop)


@pytest.mark.parametrize("wanted", ["nothing", "loaded", "ahead"])
def test_what_cannot_be_transformed_again_is_refused(shop, wanted):
    number = {"nothing": "0", "loaded": "2", "ahead": "3"}[wanted]

    done = shop.starlift("run", "--retransform", number)

    assert done.exit_code == 1
    assert "ConfigurationError: Batch" in done.stderr


def test_a_mended_model_goes_on_after_its_batch_is_transformed_again(shop):
    write_model(shop, "fact_item", ITEM.replace("item.units", "item.units::text AS units"))
    change(shop, "UPDATE item SET units = 9 WHERE id = 20")
    write_model(shop, "fact_item", ITEM)

    done = shop.starlift("run", "--retransform", "3")

    assert done.exit_code == 0, done.stderr
    assert [row[1] for row in versions(shop)] == [5, 7, 6, 9]
    assert_sound(shop)


def test_a_rebuild_before_the_first_run_and_of_an_unknown_model_is_refused(shop, tmp_path, make_database):
    empty = replace(shop, warehouse=make_database())

    unknown, early = shop.starlift("run", "--rebuild", "fact_x"), empty.starlift("run", "--rebuild", "fact_item")

    assert "It has dim_maker, fact_item" in " ".join(unknown.stderr.split())
    assert "a plain run builds every table" in " ".join(early.stderr.split())


def test_a_rebuild_that_is_killed_at_any_step_leaves_the_old_table_and_the_next_one_ends(shop, monkeypatch):
    write_model(shop, "fact_item", DOUBLED)
    job = Job(read_project(shop.project), parse_url(shop.source), parse_url(shop.warehouse), str(shop.store))
    old, new = versions(shop), [[10, 10, 1, False], [10, 14, 2, True], [20, 12, 1, True]]
    for step in range(1, 400):
        fuse = Fuse(blow_at=step)
        monkeypatch.setattr(local_rebuild, "_load_ports", partial(fused_ports, fuse))
        with suppress(Crash):
            rebuild_model(job, "fact_item")
        assert versions(shop) in (old, new)
        if versions(shop) == new:
            break

    assert step > 30
    assert fuse.steps <= step
    monkeypatch.undo()
    rebuild_model(job, "fact_item")
    assert versions(shop) == new
    assert_sound(shop)


def fused_ports(fuse, job, scratch):
    return _Fused(open_ports(job.project, job.warehouse, job.processed, scratch), fuse)


class _Fused:
    """The load stage's ports with a session that can die."""

    def __init__(self, ports, fuse):
        self.ports, self.fuse = ports, fuse

    def __enter__(self):
        ports = self.ports.__enter__()
        return replace(ports, warehouse=FusedSession(ports.warehouse, self.fuse))

    def __exit__(self, *failure):
        return self.ports.__exit__(*failure)
