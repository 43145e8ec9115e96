"""Type 2 history: a dimension's versions beside it, in intervals without gap or overlap."""

import pytest

from tests.acceptance.command import make_place

STAFF = """/*
kind = "dimension"
key = "id"
driving = "staff"
history = "versions"
[lookups]
team = {}
*/
SELECT staff.id, staff.name, team.title
"""
SALE = """/*
kind = "fact"
key = "id"
driving = "sale"
[references]
staff = "dim_staff"
*/
SELECT sale.id, sale.staff, sale.units
"""
COMPARED = '[tables.staff]\ndeletes = "compare-keys"\n'
TILED = """
SELECT id, is_current, valid_to = coalesce(lead(valid_from) OVER w, 'infinity') AS meets, valid_from < valid_to AS lasts
FROM dim_staff_history WINDOW w AS (PARTITION BY id ORDER BY valid_from)
"""


@pytest.fixture
def office(tmp_path, make_database):
    place = make_place(tmp_path, make_database, {"dim_staff.sql": STAFF, "fact_sale.sql": SALE}, COMPARED)
    place.ask("CREATE TABLE team (id int PRIMARY KEY, title text)")
    place.ask("CREATE TABLE staff (id int PRIMARY KEY, name text, team int REFERENCES team)")
    place.ask("CREATE TABLE sale (id int PRIMARY KEY, staff int, units int)")
    place.ask("INSERT INTO team VALUES (1, 'north'); INSERT INTO staff VALUES (1, 'Ann', 1), (2, 'Bob', 1)")
    place.ask("INSERT INTO sale VALUES (1, 1, 5)")
    place.starlift("run")
    return place


def change(place, statement):
    place.ask(statement)
    done = place.starlift("run")
    assert done.exit_code == 0, done.stderr


def history(place, staff=1):
    query = "SELECT name, title, is_current, _deleted FROM dim_staff_history WHERE id = {} ORDER BY valid_from"
    return place.ask(query.format(staff), "warehouse")


def assert_tiled(place):
    """Hold that each key's intervals meet, last, and end with one that is current and open."""
    for _, is_current, meets, lasts in place.ask(TILED, "warehouse"):
        assert meets
        assert lasts
        assert is_current is not None
    twice = "SELECT id FROM dim_staff_history GROUP BY id HAVING count(*) FILTER (WHERE is_current) <> 1"
    assert place.ask(twice, "warehouse") == []
    assert place.ask("SELECT FROM dim_staff_history WHERE is_current <> (valid_to = 'infinity')", "warehouse") == []


def test_a_changed_row_and_a_changed_parent_begin_a_new_version(office):
    change(office, "UPDATE staff SET name = 'Anne' WHERE id = 1")
    change(office, "UPDATE team SET title = 'south'")

    assert history(office) == [
        ["Ann", "north", False, False],
        ["Anne", "north", False, False],
        ["Anne", "south", True, False],
    ]
    assert history(office, 2) == [["Bob", "north", False, False], ["Bob", "south", True, False]]
    assert_tiled(office)


def test_the_dimension_stays_one_row_a_key_that_facts_refer_to(office):
    change(office, "UPDATE staff SET name = 'Anne' WHERE id = 1")
    change(office, "UPDATE sale SET units = 6")

    assert office.ask("SELECT id, name FROM dim_staff ORDER BY id", "warehouse") == [[1, "Anne"], [2, "Bob"]]
    assert office.ask("SELECT count(*) FROM fact_sale", "warehouse") == [[2]]
    assert office.answer("verify")["equal"]


def test_versions_begin_when_the_source_was_seen_so(office):
    change(office, "UPDATE staff SET name = 'Anne' WHERE id = 1")

    times = "SELECT h.valid_from = l.taken_at FROM dim_staff_history h JOIN starlift.ledger l ON l.batch = h._batch"

    assert office.ask(times, "warehouse") == [[True]] * 3


def test_an_equal_row_and_a_repeated_batch_begin_no_version(office):
    change(office, "UPDATE staff SET name = name")
    office.starlift("run", "--resync")

    assert len(history(office)) == 1


def test_a_deleted_row_ends_in_a_version_that_says_so_and_may_come_back(office):
    change(office, "DELETE FROM staff WHERE id = 2")
    change(office, "INSERT INTO staff VALUES (2, 'Bob', 1)")

    assert [row[2:] for row in history(office, 2)] == [[False, False], [False, True], [True, False]]
    assert_tiled(office)


def test_a_new_column_is_filled_in_the_current_versions(office):
    change(office, "UPDATE staff SET name = 'Anne' WHERE id = 1")
    model = office.project / "models/dim_staff.sql"
    model.write_text(STAFF.replace("team.title", "team.title, staff.grade"))

    change(office, "ALTER TABLE staff ADD COLUMN grade int NOT NULL DEFAULT 3")

    query = "SELECT name, grade FROM dim_staff_history WHERE id = 1 ORDER BY valid_from"
    assert office.ask(query, "warehouse") == [["Ann", None], ["Anne", 3]]
    assert_tiled(office)


def test_history_of_a_dimension_that_has_rows_begins_with_them(tmp_path, make_database):
    plain = STAFF.replace('history = "versions"\n', "")
    place = make_place(tmp_path, make_database, {"dim_staff.sql": plain}, COMPARED)
    place.ask("CREATE TABLE team (id int PRIMARY KEY, title text); INSERT INTO team VALUES (1, 'north')")
    place.ask("CREATE TABLE staff (id int PRIMARY KEY, name text, team int REFERENCES team)")
    place.ask("INSERT INTO staff VALUES (1, 'Ann', 1), (2, 'Bob', 1)")
    place.starlift("run")
    (place.project / "models/dim_staff.sql").write_text(STAFF)

    change(place, "UPDATE staff SET name = 'Anne' WHERE id = 1")

    assert [row[0] for row in history(place)] == ["Ann", "Anne"]
    assert [row[0] for row in history(place, 2)] == ["Bob"]
    assert_tiled(place)


def test_a_source_clock_put_back_leaves_no_overlap(office):
    office.ask("UPDATE starlift.ledger SET taken_at = taken_at + interval '1 hour'", "warehouse")
    office.ask("UPDATE dim_staff_history SET valid_from = valid_from + interval '1 hour'", "warehouse")

    change(office, "UPDATE staff SET name = 'Anne' WHERE id = 1")
    change(office, "UPDATE staff SET name = 'Anna' WHERE id = 1")

    assert [row[0] for row in history(office)] == ["Ann", "Anne", "Anna"]
    assert_tiled(office)


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (SALE.replace('key = "id"\n', 'key = "id"\nhistory = "versions"\n'), "only a dimension with a key has"),
        (STAFF.replace("staff.name", "staff.name AS valid_from"), "valid_from"),
        (STAFF.replace('"versions"', '"all"'), "history to be one of latest, versions"),
    ],
)
def test_a_history_that_cannot_be_is_refused_with_file_and_line(office, model, says):
    (office.project / "models/dim_staff.sql").write_text(model)

    done = office.starlift("check")

    assert done.exit_code == 1
    assert says in " ".join(done.stderr.split())
    assert "dim_staff.sql:" in done.stderr
