"""What people do to a source's columns, and to models: the warehouse ends right, or an error names what to do."""

import pytest

from tests.acceptance.small_shop import (
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


@pytest.fixture
def shop(tmp_path, make_database):
    return make_small_shop(tmp_path, make_database)


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


def test_another_database_of_the_same_server_is_refused(shop, make_database):
    other = make_database(shop.source.rpartition("/")[2].partition("?")[0])

    done = shop.starlift("run", source=other)

    assert done.exit_code == 1
    assert "another database of the same server" in " ".join(done.stderr.split())
    assert versions(shop) == FIRST
