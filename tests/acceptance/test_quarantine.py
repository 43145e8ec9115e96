"""The quarantine as a person meets it: listed with reasons, shown, read again, dropped; told of once."""

import json
import logging

import pytest
from typer.testing import CliRunner

from cli.main import app
from tests.acceptance.command import make_place

MODELS = {
    "dim_maker.sql": """/*
kind = "dimension"
key = "id"
driving = "maker"
[tests]
not_null = ["name"]
*/
SELECT maker.id, maker.name
""",
    "fact_item.sql": """/*
kind = "fact"
key = ["shelf", "id"]
driving = "item"
[references]
maker = "dim_maker"
[tests.range]
units = [0, 99]
*/
SELECT item.shelf, item.id, item.maker, item.units
""",
}


@pytest.fixture
def shop(tmp_path, make_database):
    place = make_place(tmp_path, make_database, MODELS)
    place.ask("CREATE TABLE maker (id int PRIMARY KEY, name text); INSERT INTO maker VALUES (1, 'one'), (2, NULL)")
    place.ask("CREATE TABLE item (shelf text, id bigint, maker int, units int, PRIMARY KEY (shelf, id))")
    place.ask("INSERT INTO item VALUES ('a', 1, 1, 5), ('a''s', 2, 1, 100), ('a', 3, 2, 7)")
    place.starlift("run")
    return place


def quarantine(place, verb, *more, given=("warehouse",)):
    arguments = [part for name in given for part in (f"--{name}", str(getattr(place, name)))]
    return CliRunner().invoke(app, ["quarantine", verb, *arguments, *more])


def entries(place, *more):
    return {
        (e["model"], e["key"]["id"]): e
        for e in json.loads(quarantine(place, "list", "--json", *more).stdout)["entries"]
    }


def replay(place, *more):
    return quarantine(place, "replay", *more, given=("project", "source", "warehouse", "store"))


def held(place):
    return place.ask("SELECT id, units FROM current_fact_item ORDER BY 1", "warehouse")


def test_the_list_names_each_row_with_its_reason_and_what_it_waits_for(shop):
    found = entries(shop)

    assert {name: (entry["rule"], entry["waiting"]) for name, entry in found.items()} == {
        ("dim_maker", "2"): ("not_null", False),
        ("fact_item", "2"): ("range", False),
        ("fact_item", "3"): ("reference", True),
    }
    text = " ".join(quarantine(shop, "list").stdout.split())
    assert "fact_item: 2" in text
    assert "for its parent" in text
    assert list(entries(shop, "--model", "dim_maker")) == [("dim_maker", "2")]


def test_show_prints_the_row(shop):
    entry = entries(shop)["fact_item", "2"]

    text = quarantine(shop, "show", entry["id"][:6]).stdout

    assert "units is not from 0 to 99" in " ".join(text.split())
    assert "units  100" in text


def test_a_mended_row_that_is_read_again_leaves_and_brings_those_that_waited_for_it(shop):
    shop.ask("UPDATE maker SET name = 'two' WHERE id = 2")

    done = replay(shop, "--all", "--json")

    assert held(shop) == [[1, 5], [3, 7]]
    answer = json.loads(done.stdout)
    assert {entry["model"] for entry in answer["left"]} == {"dim_maker", "fact_item"}
    assert [entry["key"]["id"] for entry in answer["stayed"]] == ["2"]
    assert answer["read_whole"] == []


def test_a_mended_model_lets_unchanged_rows_in_once_they_are_read_again(shop):
    path = shop.project / "models/fact_item.sql"
    path.write_text(MODELS["fact_item.sql"].replace("99", "999"))
    shop.starlift("run")
    before = held(shop)

    done = replay(shop, entries(shop)["fact_item", "2"]["id"])

    assert before == [[1, 5]]
    assert done.exit_code == 0, done.stderr
    assert held(shop) == [[1, 5], [2, 100]]


def test_a_replay_reads_only_the_rows_that_are_named(shop):
    replay(shop, entries(shop)["fact_item", "2"]["id"])

    extracted = [path.read_text().splitlines()[1:] for path in sorted((shop.store / "landing/item").rglob("*.csv"))]
    assert len(extracted) == 2
    assert ["a's,2,1,100"] in extracted


def test_a_version_newer_than_the_entry_stays_current(shop):
    entry = entries(shop)["fact_item", "2"]
    shop.ask("UPDATE item SET units = 8 WHERE id = 2")
    shop.starlift("run")

    done = replay(shop, entry["id"])

    assert done.exit_code == 1
    assert "is no entry's id" in " ".join(done.stderr.split())
    assert held(shop) == [[1, 5], [2, 8]]


def test_an_entry_whose_row_is_gone_is_dropped_by_a_replay(shop):
    entry = entries(shop)["fact_item", "2"]
    shop.ask("DELETE FROM item WHERE id = 2")

    done = replay(shop, entry["id"])

    assert "1 are no longer in the source" in done.stdout
    assert ("fact_item", "2") not in entries(shop)


def test_a_computed_key_reads_its_table_whole(shop):
    path = shop.project / "models/dim_maker.sql"
    path.write_text(MODELS["dim_maker.sql"].replace("maker.id,", "maker.id + 0 AS id,"))

    done = json.loads(replay(shop, "--model", "dim_maker", "--json").stdout)

    assert done["read_whole"] == ["maker"]
    assert [entry["model"] for entry in done["stayed"]] == ["dim_maker"]


def test_dropped_entries_are_forgotten_and_their_rows_stay_out(shop):
    asked = quarantine(shop, "drop", "--model", "fact_item")
    done = quarantine(shop, "drop", "--model", "fact_item", "--yes")
    shop.starlift("run")

    assert asked.exit_code == 1
    assert "--yes" in asked.stderr
    assert "Dropped 2. Their rows keep their last version, or stay out" in done.stdout
    assert list(entries(shop)) == [("dim_maker", "2")]
    assert held(shop) == [[1, 5]]


@pytest.mark.parametrize("more", [(), ("--all", "--model", "fact_item"), ("--model", "fact_none"), ("zzzz",)])
def test_what_names_no_entry_is_refused(shop, more):
    done = quarantine(shop, "drop", *more, "--yes")

    assert done.exit_code == 1
    assert "ConfigurationError" in done.stderr
    assert len(entries(shop)) == 3


def test_an_empty_quarantine_says_so(tmp_path, make_database):
    place = make_place(tmp_path, make_database, MODELS)

    done = [quarantine(place, "list"), quarantine(place, "drop", "--all", "--yes"), replay(place, "--all")]

    assert [one.stdout for one in done] == ["Nothing is in quarantine.\n"] * 3
    assert [one.exit_code for one in done] == [0, 0, 0]
    assert not place.store.exists()  # nothing to read again is no run


def test_the_console_tells_how_many_rows_of_which_table_were_set_aside(shop):
    shop.ask("INSERT INTO item VALUES ('a', 4, 1, 102), ('a', 5, 1, 103); INSERT INTO maker VALUES (7, NULL)")

    told = " ".join(shop.starlift("run").stderr.split())

    assert "new rows in quarantine, dim_maker: 1, fact_item: 2." in told


def test_the_alert_is_raised_for_new_entries_only_once_a_batch(shop, caplog):
    caplog.clear()
    shop.ask("UPDATE item SET units = units WHERE id = 2")  # the same bad row again
    shop.starlift("run")
    again = [record.message for record in caplog.records if record.levelno == logging.CRITICAL]
    shop.ask("UPDATE item SET units = 101 WHERE id = 2; INSERT INTO item VALUES ('a', 4, 1, 102)")
    shop.starlift("run")
    replay(shop, "--all")

    alerts = [record for record in caplog.records if record.levelno == logging.CRITICAL]
    assert again == []
    assert [(record.message, record.tables) for record in alerts] == [("new rows in quarantine", {"fact_item": 2})]
