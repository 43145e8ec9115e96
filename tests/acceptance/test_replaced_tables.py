"""What people do to a source's tables: dropped, put in another's place, emptied, kept house in. No row is missed."""

import pytest

from extraction.database.wiring import open_source
from tests.acceptance.command import make_place
from tests.acceptance.small_shop import (
    COMPARED,
    FIRST,
    ITEM,
    MAKER,
    assert_equal,
    make_small_shop,
    refused,
    run,
    versions,
    write_model,
)
from utils.postgres.url import parse_url


@pytest.fixture
def shop(tmp_path, make_database):
    return make_small_shop(tmp_path, make_database)


@pytest.fixture
def compared(tmp_path, make_database):
    return make_small_shop(tmp_path, make_database, COMPARED)


@pytest.mark.parametrize("change", ["DROP TABLE item", "ALTER TABLE item RENAME TO goods"])
def test_a_table_that_is_gone_is_missed_by_name_and_the_warehouse_stays(shop, change):
    shop.ask(change)

    said = refused(shop)

    assert "item" in said
    assert "ConfigurationError" in said
    assert versions(shop) == FIRST


def test_a_view_in_a_tables_place_is_read_instead(shop):
    shop.ask("ALTER TABLE item RENAME TO goods; CREATE VIEW item AS SELECT * FROM goods WHERE id > 0")
    run(shop)
    shop.ask("UPDATE goods SET units = 7 WHERE id = 1")

    run(shop)

    assert versions(shop) == [[1, 1, 5, False, False], [1, 1, 7, True, False], FIRST[1]]
    assert_equal(shop)


def test_a_view_in_place_of_a_table_with_deletes_is_refused(compared):
    compared.ask("ALTER TABLE item RENAME TO goods; CREATE VIEW item AS SELECT * FROM goods")

    said = refused(compared)

    assert "looks for deletes in item, which has no primary key" in said
    assert versions(compared) == FIRST


def test_a_truncated_table_leaves_the_warehouse_as_it_was_and_verify_tells(shop):
    shop.ask("TRUNCATE item")

    run(shop)

    assert versions(shop) == FIRST
    assert shop.answer("verify")["tables"]["fact_item"]["extra"] == 2


def test_a_truncated_table_is_closed_where_deletes_are_looked_for(compared):
    compared.ask("TRUNCATE item")

    run(compared)

    assert [row[2:] for row in versions(compared)] == [
        [5, False, False],
        [5, True, True],
        [6, False, False],
        [6, True, True],
    ]
    assert_equal(compared)


@pytest.mark.parametrize(
    "statement", ["VACUUM FULL", "VACUUM FREEZE", "CLUSTER item USING item_pkey", "REINDEX TABLE item", "ANALYZE"]
)
def test_housekeeping_loses_no_change_and_makes_no_version(shop, statement):
    shop.ask("UPDATE item SET units = 7 WHERE id = 1")

    for each in (statement, statement.replace("item", "maker")):
        alone(shop, each)
    before = shop.answer("run")
    alone(shop, statement)
    after = shop.answer("run")

    assert versions(shop) == [[1, 1, 5, False, False], [1, 1, 7, True, False], FIRST[1]]
    assert (before["batch"], after["tables"].get("fact_item", {}).get("loaded", 0)) == (2, 0)
    assert_equal(shop)


def test_a_table_put_in_anothers_place_under_its_name_is_read_whole(compared):
    compared.ask(
        "CREATE TABLE other AS TABLE item; UPDATE other SET units = 8 WHERE id = 1; INSERT INTO other VALUES (3, 1, 9)"
    )
    compared.ask("DELETE FROM other WHERE id = 2; ALTER TABLE other ADD PRIMARY KEY (id)")
    run(compared)
    compared.ask("BEGIN; ALTER TABLE item RENAME TO old_item; ALTER TABLE other RENAME TO item; COMMIT")

    run(compared)

    assert versions(compared) == [
        [1, 1, 5, False, False],
        [1, 1, 8, True, False],
        [2, 2, 6, False, False],
        [2, 2, 6, True, True],
        [3, 1, 9, True, False],
    ]
    assert_equal(compared)


def test_an_attached_partition_brings_the_rows_that_it_held_before(tmp_path, make_database):
    place = make_place(tmp_path, make_database, {"dim_maker.sql": MAKER})
    place.ask("CREATE TABLE maker (id int PRIMARY KEY, name text) PARTITION BY RANGE (id)")
    place.ask("CREATE TABLE low PARTITION OF maker FOR VALUES FROM (0) TO (10); INSERT INTO maker VALUES (1, 'one')")
    place.ask("CREATE TABLE high (id int PRIMARY KEY, name text); INSERT INTO high VALUES (11, 'eleven')")
    run(place)
    place.ask("ALTER TABLE maker ATTACH PARTITION high FOR VALUES FROM (10) TO (20)")

    counts = place.answer("run")["tables"]

    assert counts["maker"]["extracted"] == 1
    assert place.ask("SELECT id, name FROM dim_maker ORDER BY id", "warehouse") == [[1, "one"], [11, "eleven"]]
    assert place.answer("run")["batch"] is None


def test_a_looked_up_table_in_anothers_place_reaches_the_rows_that_look_it_up(shop):
    shop.ask("ALTER TABLE item ADD FOREIGN KEY (maker) REFERENCES maker; CREATE TABLE other (LIKE maker INCLUDING ALL)")
    shop.ask("INSERT INTO other VALUES (1, 'uno'), (2, 'two')")
    model = ITEM.replace("[references]", "[lookups]\nmade_by = { table = 'maker' }\n[references]")
    write_model(shop, "fact_item", model.replace("item.units", "item.units, made_by.name"))
    run(shop, "--rebuild", "fact_item")
    shop.ask("ALTER TABLE item DROP CONSTRAINT item_maker_fkey; ALTER TABLE maker RENAME TO was")
    shop.ask("ALTER TABLE other RENAME TO maker; ALTER TABLE item ADD FOREIGN KEY (maker) REFERENCES maker")

    run(shop)

    assert versions(shop, "id, name") == [[1, "one", False, False], [1, "uno", True, False], [2, "two", True, False]]
    assert_equal(shop)


def test_a_table_dropped_and_made_again_between_two_runs_is_read_again(shop):
    shop.ask("DROP TABLE item; CREATE TABLE item (id int PRIMARY KEY, maker int, units int)")
    shop.ask("INSERT INTO item VALUES (1, 1, 5), (2, 2, 7)")

    run(shop)

    assert versions(shop) == [FIRST[0], [2, 2, 6, False, False], [2, 2, 7, True, False]]
    assert_equal(shop)


def alone(place, statement):
    """Run a statement that must not be in a transaction with others."""
    with open_source(parse_url(place.source)) as session:
        session.execute_simple(statement)
