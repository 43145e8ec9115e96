"""What the warehouse does when parents are missing, columns change, or a batch comes twice."""

import pytest

from load.warehouse.pipeline import load_batch
from load.warehouse.wiring import open_ports
from tests.acceptance.command import make_place
from utils.batch_log import ProcessedLog
from utils.folder_store import FolderStore
from utils.postgres.url import parse_url
from utils.project import read_project

MAKER = """/*
kind = "dimension"
key = "id"
driving = "maker"
[tests]
not_null = ["name"]
unique = ["name"]
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


@pytest.fixture
def place(tmp_path, make_database):
    place = make_place(tmp_path, make_database, {"dim_maker.sql": MAKER, "fact_item.sql": ITEM})
    place.ask("CREATE TABLE maker (id int PRIMARY KEY, name text); INSERT INTO maker VALUES (1, 'one'), (2, NULL)")
    place.ask("CREATE TABLE item (id int PRIMARY KEY, maker int REFERENCES maker, units int)")
    place.ask("INSERT INTO item VALUES (10, 1, 5), (20, 2, 6), (30, NULL, 7)")
    return place


def run(place):
    done = place.answer("run")
    assert "error" not in done, done
    return done


def facts(place):
    return place.ask("SELECT id, units FROM current_fact_item ORDER BY 1", "warehouse")


def rewrite(place, name, old, new):
    path = place.project / "models" / name
    path.write_text(path.read_text().replace(old, new))


def test_a_fact_waits_with_its_quarantined_parent_and_is_released_with_it(place):
    first = run(place)["tables"]
    waiting = facts(place)
    place.ask("UPDATE maker SET name = 'two' WHERE id = 2")

    second = run(place)["tables"]

    assert (first["dim_maker"]["quarantined"], first["fact_item"]["quarantined"]) == (1, 1)
    assert waiting == [[10, 5], [30, 7]]
    assert second["fact_item"]["loaded"] == 1
    assert facts(place) == [[10, 5], [20, 6], [30, 7]]
    assert place.answer("status")["quarantine"] == {}
    assert place.answer("verify")["equal"]


def test_a_newer_row_takes_the_place_of_the_one_that_waited(place):
    run(place)
    place.ask("UPDATE item SET maker = 1, units = 66 WHERE id = 20")

    run(place)

    assert facts(place) == [[10, 5], [20, 66], [30, 7]]
    assert place.answer("status")["quarantine"] == {"dim_maker": 1}


def test_a_row_that_breaks_a_unique_test_waits(place):
    run(place)
    place.ask("INSERT INTO maker VALUES (3, 'one')")

    assert run(place)["tables"]["dim_maker"]["quarantined"] == 1

    assert place.ask("SELECT id FROM dim_maker", "warehouse") == [[1]]


def test_a_new_column_is_filled_in_place_without_a_false_version(place):
    run(place)
    place.ask("ALTER TABLE item ADD COLUMN colour text NOT NULL DEFAULT 'red'")
    rewrite(place, "fact_item.sql", "item.units", "item.units, item.colour")

    run(place)

    versions = place.ask("SELECT id, colour, _current FROM fact_item ORDER BY 1", "warehouse")
    assert versions == [[10, "red", True], [30, "red", True]]
    assert place.answer("verify")["equal"]


def test_a_wider_type_is_taken_over_and_its_values_arrive(place):
    run(place)
    place.ask("ALTER TABLE item ALTER COLUMN units TYPE bigint; UPDATE item SET units = 5000000000 WHERE id = 10")

    run(place)

    assert facts(place)[0] == [10, 5_000_000_000]
    assert place.answer("verify")["equal"]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [("item.units", "CAST(item.units AS VARCHAR) AS units", "Only wider types"), (", item.units", "", "no longer has")],
)
def test_any_other_change_of_a_column_stops_the_load_and_changes_nothing(place, old, new, says):
    run(place)
    rewrite(place, "fact_item.sql", old, new)
    place.ask("UPDATE item SET maker = NULL WHERE id = 10")

    error = place.answer("run")["error"]

    assert (error["type"], says in error["message"]) == ("SchemaDriftError", True)
    assert place.ask("SELECT count(*) FROM starlift.ledger", "warehouse") == [[1]]
    assert facts(place) == [[10, 5], [30, 7]]


def test_loading_the_same_batch_twice_changes_nothing(place, tmp_path):
    run(place)
    before = place.dump("SELECT * FROM fact_item ORDER BY 1", "warehouse")
    store = FolderStore(place.store / "processed")

    with open_ports(read_project(place.project), parse_url(place.warehouse), store, tmp_path) as ports:
        again = load_batch(ProcessedLog(store).read(1), ports)

    assert again is None
    assert place.dump("SELECT * FROM fact_item ORDER BY 1", "warehouse") == before


def test_foreign_keys_and_one_current_version_are_held_by_the_database_itself(place):
    run(place)

    constraints = place.ask(
        "SELECT conname FROM pg_constraint WHERE conrelid = 'fact_item'::regclass AND contype = 'f'", "warehouse"
    )
    indexes = place.ask("SELECT indexdef FROM pg_indexes WHERE tablename = 'fact_item'", "warehouse")

    assert len(constraints) == 1
    assert any("UNIQUE" in index and "WHERE _current" in index for (index,) in indexes)
