"""A changed model: told of in every run, transformed again while it waits, and rebuilt over all that landed."""

import shutil

import pytest

from tests.acceptance.command import make_place
from tests.acceptance.rebuilt_shop import (
    DOUBLED,
    ITEM,
    MAKER,
    assert_sound,
    change,
    make_rebuilt_shop,
    versions,
    write_model,
)


@pytest.fixture
def shop(tmp_path, make_database):
    return make_rebuilt_shop(tmp_path, make_database)


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
