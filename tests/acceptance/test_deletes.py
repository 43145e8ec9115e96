"""Rows deleted in the source: marked in dimensions, closed in facts, back when they come back, and never too many."""

import shutil

import pytest

from tests.acceptance.command import make_place

MODELS = {
    "dim_maker.sql": '/*\nkind = "dimension"\nkey = "id"\ndriving = "maker"\n*/\nSELECT maker.id, maker.name\n',
    "fact_item.sql": """/*
kind = "fact"
key = ["shelf", "id"]
driving = "item"
[references]
maker = "dim_maker"
[tests.range]
units = [0, 999]
*/
SELECT item.shelf, item.id, item.maker, item.units
""",
}
COMPARED = '[tables.maker]\ndeletes = "compare-keys"\n[tables.item]\ndeletes = "compare-keys"\n'
ROWS = """
INSERT INTO maker SELECT i, 'maker ' || i FROM generate_series(1, 5) i;
INSERT INTO item SELECT 'a', i, 1 + i % 5, i FROM generate_series(1, 40) i;
"""


@pytest.fixture
def make_shop(tmp_path, make_database):
    def make(pipeline=COMPARED):
        place = make_place(tmp_path, make_database, MODELS, pipeline)
        place.ask("CREATE TABLE maker (id int PRIMARY KEY, name text)")
        place.ask("CREATE TABLE item (shelf text, id bigint, maker int, units int, PRIMARY KEY (shelf, id))")
        place.ask(ROWS)
        place.starlift("run")
        return place

    return make


def versions(place, item):
    rows = f"SELECT units, _current, _deleted FROM fact_item WHERE id = {item} ORDER BY _batch"
    return place.ask(rows, "warehouse")


def test_a_deleted_row_is_closed_in_facts_and_marked_in_dimensions(make_shop):
    shop = make_shop()
    shop.ask("DELETE FROM item WHERE maker = 1; DELETE FROM maker WHERE id = 1")

    counts = shop.answer("run")["tables"]

    assert (counts["fact_item"]["deleted"], counts["dim_maker"]["deleted"]) == (8, 1)
    assert versions(shop, 5) == [[5, False, False], [5, True, True]]
    assert shop.ask("SELECT id FROM dim_maker WHERE _deleted", "warehouse") == [[1]]
    assert shop.answer("verify")["equal"]


def test_a_deleted_row_that_comes_back_gets_a_new_version(make_shop):
    shop = make_shop()
    shop.ask("DELETE FROM item WHERE id = 7")
    shop.starlift("run")
    shop.ask("INSERT INTO item VALUES ('a', 7, 3, 7)")

    shop.starlift("run")

    assert versions(shop, 7) == [[7, False, False], [7, False, True], [7, True, False]]
    assert shop.answer("verify")["equal"]


def test_a_run_without_new_deletes_makes_no_batch(make_shop):
    shop = make_shop()
    shop.ask("DELETE FROM item WHERE id = 7")
    shop.starlift("run")

    assert shop.answer("run")["batch"] is None


def test_more_deletes_at_once_than_the_share_allows_wait_for_a_person(make_shop):
    shop = make_shop()
    shop.ask("DELETE FROM item WHERE id <= 11")

    refused = shop.starlift("run")
    held = shop.ask("SELECT count(*) FROM current_fact_item", "warehouse")
    accepted = shop.starlift("run", "--accept-deletes", "item")

    assert refused.exit_code == 1
    assert "TooManyDeletesError: 11 of 40 rows of fact_item" in refused.stderr
    assert "once with --accept-deletes item all the same" in " ".join(refused.stderr.split())
    assert held == [[40]]
    assert accepted.exit_code == 0
    assert shop.ask("SELECT count(*) FROM current_fact_item", "warehouse") == [[29]]


def test_a_table_that_was_emptied_is_refused_and_returns_unharmed_once_it_is_filled_again(make_shop):
    shop = make_shop()
    shop.ask("TRUNCATE item")
    refused = shop.starlift("run")
    shop.ask("INSERT INTO item SELECT 'a', i, 1 + i % 5, i FROM generate_series(1, 40) i")

    shop.starlift("run", "--accept-deletes", "item")

    assert refused.exit_code == 1
    assert shop.answer("verify")["equal"]
    assert versions(shop, 7)[-1] == [7, True, False]


def test_every_row_but_a_few_of_a_small_table_may_go(make_shop):
    shop = make_shop()
    shop.ask("DELETE FROM item; DELETE FROM maker")

    done = shop.starlift("run", "--accept-deletes", "item")

    assert done.exit_code == 0, done.stderr
    assert shop.ask("SELECT count(*) FROM dim_maker WHERE NOT _deleted", "warehouse") == [[0]]


def test_deletes_are_looked_for_every_so_many_runs(make_shop):
    shop = make_shop('[tables.item]\ndeletes = "compare-keys"\ndeletes_every = 3\n')
    shop.starlift("run")
    shop.ask("DELETE FROM item WHERE id = 7")

    batches = [shop.answer("run")["batch"] for _ in range(3)]

    assert sum(batch is not None for batch in batches) == 1
    assert versions(shop, 7)[-1] == [7, True, True]


def test_a_deleted_row_stays_where_deletes_are_not_looked_for(make_shop):
    shop = make_shop("")
    shop.ask("DELETE FROM item WHERE id = 7")

    assert shop.answer("run")["batch"] is None
    assert versions(shop, 7) == [[7, True, False]]
    assert shop.answer("verify")["tables"]["fact_item"]["extra"] == 1


def test_verify_counts_a_delete_that_the_next_comparison_finds_as_pending(make_shop):
    shop = make_shop()
    shop.ask("DELETE FROM item WHERE id = 7")

    answer = shop.answer("verify")

    assert answer["equal"]
    assert answer["tables"]["fact_item"]["pending"] == 1


def test_a_row_deleted_while_it_waits_for_its_parent_does_not_come_back_to_life(make_shop):
    shop = make_shop()
    shop.ask("INSERT INTO item VALUES ('a', 99, 6, 1)")
    shop.starlift("run")
    waiting = shop.answer("status")["quarantine"]
    shop.ask("DELETE FROM item WHERE id = 99")
    shop.ask("INSERT INTO maker VALUES (6, 'late')")

    shop.starlift("run")

    assert waiting == {"fact_item": 1}
    assert shop.answer("status")["quarantine"] == {}
    assert versions(shop, 99) == []


def test_a_resync_compares_keys_whatever_the_schedule(make_shop):
    shop = make_shop('[tables.item]\ndeletes = "compare-keys"\ndeletes_every = 1000\n')
    shop.ask("DELETE FROM item WHERE id = 7")

    shop.starlift("run", "--resync")

    assert versions(shop, 7)[-1] == [7, True, True]
    assert versions(shop, 8) == [[8, True, False]]


def test_deletes_are_looked_for_once_on_demand(make_shop):
    shop = make_shop("")
    shop.ask("DELETE FROM item WHERE id = 7; DELETE FROM maker WHERE id = 3")

    shop.starlift("run", "--resync", "--compare-keys", "item")

    assert versions(shop, 7) == [[7, False, False], [7, True, True]]
    assert shop.ask("SELECT count(*) FROM dim_maker WHERE _deleted", "warehouse") == [[0]]


def test_a_look_on_demand_whose_files_were_lost_is_made_again(make_shop):
    shop = make_shop("")
    shop.ask("DELETE FROM item WHERE id = 7; ALTER TABLE maker RENAME COLUMN name TO title")
    model = MODELS["dim_maker.sql"]
    (shop.project / "models/dim_maker.sql").write_text(model.replace("maker.name", "maker.name + 1 AS name"))
    shop.starlift("run", "--compare-keys", "item")
    shutil.rmtree(shop.store / "landing/item")
    (shop.project / "models/dim_maker.sql").write_text(model.replace("maker.name", "maker.title AS name"))

    shop.starlift("run")

    assert versions(shop, 7)[-1] == [7, True, True]
    assert shop.answer("verify")["equal"]


def test_keys_that_cannot_be_compared_are_refused_before_a_batch_is_made(make_shop):
    shop = make_shop("")
    shop.ask("ALTER TABLE item DROP CONSTRAINT item_pkey")
    shop.starlift("run")

    done = shop.starlift("run", "--compare-keys", "item")

    assert done.exit_code == 1
    assert "item has no primary key" in " ".join(done.stderr.split())
    assert shop.answer("run")["batch"] is None


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ('deletes = "maybe"', "compare-keys"),
        ('deletes = "compare-keys"\ndeletes_every = 0', "deletes_every must be a whole number from 1 up"),
        ('deletes = "compare-keys"\ndeletes_max_share = 2', "deletes_max_share must be from 0 to 1"),
    ],
)
def test_a_wrong_setting_is_named(make_shop, settings, says):
    shop = make_shop()
    (shop.project / "pipeline.toml").write_text(f"[tables.item]\n{settings}\n")

    done = shop.starlift("check")

    assert done.exit_code == 1
    assert says in " ".join(done.stderr.split())


def test_a_model_whose_key_is_not_the_tables_key_is_refused(make_shop):
    shop = make_shop()
    model = MODELS["fact_item.sql"].replace('key = ["shelf", "id"]', 'key = "units"')
    (shop.project / "models/fact_item.sql").write_text(model)

    done = shop.starlift("check")

    assert done.exit_code == 1
    assert "fact_item.sql:3: fact_item has the key units, which is not made of the primary key of item" in (
        " ".join(done.stderr.split())
    )


def test_a_table_without_a_primary_key_is_refused(make_shop):
    shop = make_shop()
    shop.ask("ALTER TABLE item DROP CONSTRAINT item_pkey")

    done = shop.starlift("run")

    assert done.exit_code == 1
    assert "looks for deletes in item, which has no primary key" in " ".join(done.stderr.split())
