"""What people do to a source beside writing rows: the warehouse ends right, or an error names what to do."""

import pytest

from extraction.database.wiring import open_source
from tests.acceptance.command import make_place
from utils.postgres.url import parse_url

MAKER = """/*
kind = "dimension"
key = "id"
driving = "maker"
history = "versions"
*/
SELECT maker.id, maker.name
"""
ITEM = """/*
kind = "fact"
key = "id"
driving = "item"
[references]
maker = "dim_maker"
*/
SELECT item.id, item.maker, item.units
"""
COMPARED = '[tables.item]\ndeletes = "compare-keys"\n'
FIRST = [[1, 1, 5, True, False], [2, 2, 6, True, False]]


@pytest.fixture
def make_shop(tmp_path, make_database):
    def make(pipeline=""):
        place = make_place(tmp_path, make_database, {"dim_maker.sql": MAKER, "fact_item.sql": ITEM}, pipeline)
        place.ask("CREATE TABLE maker (id int PRIMARY KEY, name text); INSERT INTO maker VALUES (1, 'one'), (2, 'two')")
        place.ask("CREATE TABLE item (id int PRIMARY KEY, maker int, units int)")
        place.ask("INSERT INTO item VALUES (1, 1, 5), (2, 2, 6)")
        run(place)
        return place

    return make


@pytest.fixture
def shop(make_shop):
    return make_shop()


def run(place, *more):
    done = place.starlift("run", *more)
    assert done.exit_code == 0, done.stderr


def refused(place, *more):
    done = place.starlift("run", *more)
    assert done.exit_code == 1
    return " ".join(done.stderr.split())


def write_model(place, name, text):
    (place.project / "models" / f"{name}.sql").write_text(text)


def versions(place, columns="id, maker, units"):
    return place.ask(f"SELECT {columns}, _current, _deleted FROM fact_item ORDER BY id, _batch", "warehouse")


def assert_equal(place):
    answer = place.answer("verify")
    assert answer["equal"], answer


def test_a_column_with_a_default_is_filled_in_the_current_versions_and_makes_none(shop):
    shop.ask("UPDATE item SET units = 7 WHERE id = 1; UPDATE maker SET name = 'uno' WHERE id = 1")
    run(shop)
    shop.ask(
        "ALTER TABLE item ADD COLUMN colour text DEFAULT 'red'; ALTER TABLE maker ADD COLUMN land text DEFAULT 'x'"
    )
    write_model(shop, "fact_item", ITEM.replace("item.units", "item.units, item.colour"))
    write_model(shop, "dim_maker", MAKER.replace("maker.name", "maker.name, maker.land"))

    run(shop)

    history = "SELECT id, name, land, is_current FROM dim_maker_history ORDER BY id, valid_from"
    assert versions(shop, "id, units, colour") == [
        [1, 5, None, False, False],
        [1, 7, "red", True, False],
        [2, 6, "red", True, False],
    ]
    assert shop.ask(history, "warehouse") == [
        [1, "one", None, False],
        [1, "uno", "x", True],
        [2, "two", "x", True],
    ]
    assert_equal(shop)


def test_a_new_column_that_no_model_reads_changes_nothing(shop):
    shop.ask("ALTER TABLE item ADD COLUMN colour text DEFAULT 'red'")

    run(shop)

    assert versions(shop) == FIRST
    assert_equal(shop)


def test_a_column_that_no_model_reads_may_go(shop):
    shop.ask("ALTER TABLE item ADD COLUMN colour text DEFAULT 'red'")
    run(shop)
    shop.ask("ALTER TABLE item DROP COLUMN colour; UPDATE item SET units = 7 WHERE id = 1")

    run(shop)

    assert versions(shop) == [[1, 1, 5, False, False], [1, 1, 7, True, False], FIRST[1]]
    assert_equal(shop)


@pytest.mark.parametrize("change", ["DROP COLUMN units", "RENAME COLUMN units TO pieces"])
def test_a_column_that_a_model_reads_is_missed_by_file_and_line(shop, change):
    shop.ask(f"ALTER TABLE item {change}")

    said = refused(shop)

    assert "SchemaDriftError" in said
    assert "fact_item.sql:8: fact_item needs item.units, which the source does not have (any more)" in said
    assert "Change the model, or bring the column back" in said
    assert versions(shop) == FIRST


def test_a_renamed_column_goes_on_under_its_old_name_once_the_model_says_so(shop):
    shop.ask("ALTER TABLE item RENAME COLUMN units TO pieces; UPDATE item SET pieces = 7 WHERE id = 1")
    refused(shop)
    write_model(shop, "fact_item", ITEM.replace("item.units", "item.pieces AS units"))

    run(shop)

    assert versions(shop) == [[1, 1, 5, False, False], [1, 1, 7, True, False], FIRST[1]]
    assert_equal(shop)


def test_a_widened_column_widens_the_warehouse_and_makes_no_version(shop):
    shop.ask("ALTER TABLE item ALTER COLUMN units TYPE bigint; INSERT INTO item VALUES (3, 1, 5000000000)")

    run(shop)

    assert versions(shop) == [*FIRST, [3, 1, 5_000_000_000, True, False]]
    assert_equal(shop)


def test_a_retyped_column_stops_the_load_until_its_model_takes_over_the_type_and_is_rebuilt(shop):
    shop.ask("ALTER TABLE item ALTER COLUMN units TYPE text USING units || ' pieces'")
    said, kept = refused(shop), versions(shop)
    write_model(shop, "fact_item", ITEM.replace("*/", '[types]\nunits = "text"\n*/'))

    run(shop, "--rebuild", "fact_item")

    assert "SchemaDriftError: The warehouse table fact_item has units as integer, and the model now says text" in said
    assert '([types] units = "text") and run once with --rebuild fact_item' in said
    assert kept == FIRST
    assert [row[2] for row in versions(shop)] == ["5", "5 pieces", "6", "6 pieces"]
    assert_equal(shop)


def test_a_retyped_column_goes_on_once_the_model_casts_it_and_the_batch_is_transformed_again(shop):
    shop.ask("ALTER TABLE item ALTER COLUMN units TYPE text; UPDATE item SET units = '7' WHERE id = 1")
    refused(shop)
    write_model(shop, "fact_item", ITEM.replace("item.units", "CAST(item.units AS INTEGER) AS units"))

    run(shop, "--retransform", "2")

    assert versions(shop) == [[1, 1, 5, False, False], [1, 1, 7, True, False], FIRST[1]]
    assert_equal(shop)


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


def test_a_view_in_place_of_a_table_with_deletes_is_refused(make_shop):
    shop = make_shop(COMPARED)
    shop.ask("ALTER TABLE item RENAME TO goods; CREATE VIEW item AS SELECT * FROM goods")

    said = refused(shop)

    assert "looks for deletes in item, which has no primary key" in said
    assert versions(shop) == FIRST


def test_a_truncated_table_leaves_the_warehouse_as_it_was_and_verify_tells(shop):
    shop.ask("TRUNCATE item")

    run(shop)

    assert versions(shop) == FIRST
    assert shop.answer("verify")["tables"]["fact_item"]["extra"] == 2


def test_a_truncated_table_is_closed_where_deletes_are_looked_for(make_shop):
    shop = make_shop(COMPARED)
    shop.ask("TRUNCATE item")

    run(shop)

    assert [row[2:] for row in versions(shop)] == [
        [5, False, False],
        [5, True, True],
        [6, False, False],
        [6, True, True],
    ]
    assert_equal(shop)


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


def test_a_table_put_in_anothers_place_under_its_name_is_read_whole(make_shop):
    shop = make_shop(COMPARED)
    shop.ask(
        "CREATE TABLE other AS TABLE item; UPDATE other SET units = 8 WHERE id = 1; INSERT INTO other VALUES (3, 1, 9)"
    )
    shop.ask("DELETE FROM other WHERE id = 2; ALTER TABLE other ADD PRIMARY KEY (id)")
    run(shop)
    shop.ask("BEGIN; ALTER TABLE item RENAME TO old_item; ALTER TABLE other RENAME TO item; COMMIT")

    run(shop)

    assert versions(shop) == [
        [1, 1, 5, False, False],
        [1, 1, 8, True, False],
        [2, 2, 6, False, False],
        [2, 2, 6, True, True],
        [3, 1, 9, True, False],
    ]
    assert_equal(shop)


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


def test_a_new_model_over_old_data_has_every_row(shop):
    write_model(
        shop, "dim_unit", '/*\nkind = "dimension"\nkey = "id"\ndriving = "item"\n*/\nSELECT item.id, item.units\n'
    )

    run(shop)

    assert shop.ask("SELECT id, units FROM dim_unit ORDER BY id", "warehouse") == [[1, 5], [2, 6]]
    assert versions(shop) == FIRST
    assert_equal(shop)


def test_a_new_model_over_a_table_that_was_only_looked_up_has_every_row(shop):
    looked_up = ITEM.replace("[references]", "[lookups]\nland = { on = 'maker', key = 'id' }\n[references]")
    shop.ask("CREATE TABLE land (id int PRIMARY KEY, name text); INSERT INTO land VALUES (1, 'here'), (9, 'nowhere')")
    write_model(shop, "fact_item", looked_up.replace("item.units", "item.units, land.name AS land"))
    run(shop)
    write_model(
        shop, "dim_land", '/*\nkind = "dimension"\nkey = "id"\ndriving = "land"\n*/\nSELECT land.id, land.name\n'
    )

    run(shop)

    assert shop.ask("SELECT id, name FROM dim_land ORDER BY id", "warehouse") == [[1, "here"], [9, "nowhere"]]
    assert_equal(shop)


def test_a_model_that_is_gone_leaves_its_table_as_it_was(shop):
    (shop.project / "models/fact_item.sql").unlink()
    shop.ask("UPDATE item SET units = 7; UPDATE maker SET name = 'uno' WHERE id = 1")

    run(shop)

    assert versions(shop) == FIRST
    assert shop.ask("SELECT name FROM dim_maker WHERE id = 1", "warehouse") == [["uno"]]


def alone(place, statement):
    """Run a statement that must not be in a transaction with others."""
    with open_source(parse_url(place.source)) as session:
        session.execute_simple(statement)
