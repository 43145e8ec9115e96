"""Which rows a run finds, against writers of every kind on a real PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.extraction_harness import DEPARTMENT, SALE, SCHEMA, STAFF, Extraction, make_project, model, table_of
from utils.errors import ConfigurationError, RowTooLargeError

MODELS = {"dim_department": DEPARTMENT, "dim_staff": model("staff"), "dim_sale": model("sale")}


@pytest.fixture
def extraction(make_database, tmp_path: Path) -> Iterator[Extraction]:
    found = Extraction(make_database(), make_project(tmp_path / "project", MODELS), tmp_path / "store")
    found.edit(SCHEMA)
    yield found
    found.close()


def test_the_first_batch_holds_every_row(extraction):
    batch = extraction.run()

    assert (batch.number, batch.base, batch.predecessor) == (1, 1, None)
    assert extraction.ids(batch, "staff") == [10, 11, 20, 30]
    assert all(table.whole for table in batch.tables)


def test_a_run_that_finds_nothing_new_writes_nothing_at_all(extraction):
    extraction.run()
    before = extraction.files()

    assert extraction.run() is None
    assert extraction.files() == before


def test_a_changed_row_alone_makes_the_next_batch(extraction):
    extraction.run()
    extraction.edit("UPDATE sale SET units = 50 WHERE id = 100")

    batch = extraction.run()

    assert extraction.roles(batch) == {"sale": {"changed": [100]}}
    assert (batch.number, batch.base) == (2, 1)


def test_a_row_edited_without_touching_its_cursor_is_found(extraction):
    extraction.edit("UPDATE sale SET updated = '2024-05-05'")
    extraction.run()
    extraction.edit("UPDATE sale SET units = 0 WHERE id = 200")

    assert extraction.ids(extraction.run(), "sale") == [200]


def test_a_transaction_that_commits_after_a_run_is_found_by_the_next(extraction):
    extraction.run()
    late = extraction.session()
    late.run("BEGIN")
    late.run("UPDATE sale SET units = 1 WHERE id = 100")
    extraction.edit("UPDATE sale SET units = 2 WHERE id = 200")
    first = extraction.run()

    late.run("COMMIT")

    assert extraction.ids(first, "sale") == [200]
    assert 100 in extraction.ids(extraction.run(), "sale")


def test_a_row_written_under_a_savepoint_of_a_late_transaction_is_found(extraction):
    late = extraction.session()
    for statement in ("BEGIN", "UPDATE staff SET name = 'x' WHERE id = 30", "SAVEPOINT s"):
        late.run(statement)
    late.run("UPDATE sale SET units = 1 WHERE id = 100")
    extraction.run()
    late.run("RELEASE s")
    late.run("COMMIT")

    batch = extraction.run()

    assert 100 in extraction.ids(batch, "sale")
    assert 30 in extraction.ids(batch, "staff")


def test_what_is_rolled_back_never_lands(extraction):
    extraction.run()
    writer = extraction.session()
    writer.run("BEGIN")
    writer.run("INSERT INTO sale VALUES (999, 10, 1)")
    writer.run("ROLLBACK")

    assert extraction.run() is None


def test_the_high_water_mark_is_the_greatest_cursor_read_and_is_carried_over(extraction):
    extraction.run()
    extraction.edit("UPDATE department SET name = 'Older' WHERE id = 1")
    second = table_of(extraction.run(), "department")
    extraction.edit("UPDATE department SET updated = '2025-06-01 12:00:00.5+02' WHERE id = 1")
    third = table_of(extraction.run(), "department")

    assert (second.high_water_mark, second.previous_high_water_mark) == ("2024-01-03 00:00:00+00",) * 2
    assert third.previous_high_water_mark == second.high_water_mark
    assert third.high_water_mark == "2025-06-01 10:00:00.5+00"


def test_an_infinite_cursor_does_not_become_the_high_water_mark(extraction):
    extraction.edit("UPDATE department SET updated = 'infinity' WHERE id = 1")

    assert table_of(extraction.run(), "department").high_water_mark == "2024-01-03 00:00:00+00"


def test_an_added_column_has_its_table_read_whole(extraction):
    extraction.run()
    extraction.edit("ALTER TABLE staff ADD COLUMN grade int DEFAULT 7")

    batch = extraction.run()

    assert table_of(batch, "staff").whole
    assert [row["grade"] for row in extraction.rows(batch, "staff")] == ["7"] * 4
    assert not table_of(batch, "sale").files


def test_a_dropped_column_makes_a_batch_without_rows(extraction):
    extraction.run()
    extraction.edit("ALTER TABLE sale DROP COLUMN units")

    batch = extraction.run()

    assert [column.name for column in table_of(batch, "sale").columns] == ["id", "staff_id", "updated"]
    assert not any(table.files for table in batch.tables)


def test_named_tables_are_read_whole_for_a_backfill(extraction):
    extraction.run()

    batch = extraction.run(backfill=("staff",))

    assert [table.name for table in batch.tables if table.whole] == ["staff"]
    assert extraction.ids(batch, "staff") == [10, 11, 20, 30]
    assert batch.base == 1


def test_a_backfill_of_an_unknown_table_is_refused(extraction):
    with pytest.raises(ConfigurationError, match="'stuff' cannot be read again: the project tracks department, sale"):
        extraction.run(backfill=("stuff",))


def test_a_resync_reads_every_table_whole_as_a_new_base(extraction):
    extraction.run()

    batch = extraction.run(resync=True)

    assert (batch.number, batch.base) == (2, 2)
    assert extraction.ids(batch, "sale") == [100, 101, 200, 300]


def test_a_row_past_the_maximum_is_refused_by_name(extraction, tmp_path):
    pipeline = "max_row_bytes = 1000000\n"
    extraction.project = make_project(tmp_path / "project", MODELS, pipeline)
    extraction.edit("UPDATE staff SET name = repeat('x', 2000000) WHERE id = 10")

    with pytest.raises(RowTooLargeError, match="larger than the maximum of 1,000,000"):
        extraction.run()
    assert not [key for key in extraction.files() if key.startswith("_log/")]


def test_null_and_the_empty_string_stay_apart(extraction):
    extraction.edit("UPDATE staff SET name = '' WHERE id = 10", "UPDATE staff SET name = NULL WHERE id = 11")

    text = extraction.landing.read(table_of(extraction.run(), "staff").changed[0].key).decode()

    assert text.startswith('"id","name","department_id","boss_id","updated"\n')
    assert '10,"",1,,' in text
    assert "11,,1,10," in text


SESSION_SETTINGS = {
    "DateStyle": "German",
    "TimeZone": "Asia/Tokyo",
    "extra_float_digits": "-10",
    "bytea_output": "escape",
    "IntervalStyle": "iso_8601",
    "search_path": "other",
}


def test_settings_of_the_database_do_not_change_what_is_written(extraction):
    extraction.edit(
        "ALTER TABLE department ADD pay float8, ADD raw bytea, ADD span interval",
        "UPDATE department SET pay = 0.1::float8 + 0.2::float8, raw = 'a', span = '1 day 2 hours' WHERE id = 1",
        *(f"ALTER DATABASE {extraction.database} SET {name} = '{value}'" for name, value in SESSION_SETTINGS.items()),
    )

    row = next(row for row in extraction.rows(extraction.run(), "department") if row["id"] == "1")

    assert row["updated"] == "2024-01-01 00:00:00+00"
    assert (row["pay"], row["raw"], row["span"]) == ("0.30000000000000004", r"\x61", "1 day 02:00:00")


def test_a_model_added_has_its_driving_table_read_whole_whether_it_is_new_or_known(extraction, tmp_path):
    extraction.edit("CREATE TABLE extra (id int PRIMARY KEY)", "INSERT INTO extra VALUES (1)")
    extraction.run()
    extraction.project = make_project(
        tmp_path / "project", {"dim_extra": model("extra"), "dim_staff_and_more": STAFF, "fact": SALE}
    )

    batch = extraction.run()

    assert {"extra", "staff"} <= {table.name for table in batch.tables if table.whole}


def test_a_table_no_longer_tracked_leaves_the_manifest(extraction, tmp_path):
    extraction.run()
    kept = {"dim_department": DEPARTMENT, "dim_staff": model("staff")}
    extraction.project = make_project(tmp_path / "other", kept)

    assert [table.name for table in extraction.run().tables] == ["department", "staff"]
