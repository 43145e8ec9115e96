"""Rows in quarantine are told apart by their keys, of whatever type, unknown ones included, and leave when mended."""

import json

import pytest

from tests.acceptance.command import make_place
from tests.acceptance.test_quarantine import quarantine, replay

MODEL = """/*
kind = "dimension"
key = "code"
driving = "box"
[tests.range]
units = [0, 9]
*/
SELECT box.code, box.units
"""
COMPARED = '[tables.box]\ndeletes = "compare-keys"\n'
TYPES = "CREATE TYPE mood AS ENUM ('sad'); CREATE DOMAIN dozen AS int CHECK (VALUE = 12)"
KEYS = {
    "bytea": r"'\xDE6164'",
    "timestamp with time zone": "'2024-01-01 12:00:00.5+05:30'",
    "timestamp": "'infinity'",
    "date": "'0044-03-15 BC'",
    "char(5)": "'ab'",
    "mood": "'sad'",
    "dozen": "12",
    "numeric": "1.50",
    "numeric(9,3)": "'1.5'",
    "real": "1e15",
    "double precision": "'-Infinity'",
    "inet": "'10.0.0.1'",
    "integer[]": "'{1,NULL,2}'",
    "jsonb": """'{"a": [1, null]}'""",
    "int4range": "'[1,3)'",
    "interval": "'1 mon 30 days'",
    "text": "E'a\\nb\"c\\\\d''e'",
}


@pytest.fixture
def make_boxes(tmp_path, make_database):
    def make(rows, model=MODEL, pipeline="", columns="id int PRIMARY KEY, code text, units int"):
        place = make_place(tmp_path, make_database, {"dim_box.sql": model}, pipeline)
        place.ask(f"CREATE TABLE box ({columns}); INSERT INTO box VALUES {rows}")
        run(place)
        return place

    return make


def run(place, *more):
    done = place.starlift("run", *more)
    assert done.exit_code == 0, done.stderr


def change(place, statement):
    place.ask(statement)
    run(place)


def waiting(place):
    entries = json.loads(quarantine(place, "list", "--json").stdout)["entries"]
    return sorted((entry["key"] for entry in entries), key=str)


def held(place):
    return place.ask("SELECT units FROM dim_box ORDER BY 1", "warehouse")


def test_a_mended_row_leaves_the_quarantine_whatever_the_type_of_its_key(tmp_path, make_database):
    models = {f"dim_{n}.sql": MODEL.replace("box", f"box_{n}") for n in range(len(KEYS))}
    place = make_place(tmp_path, make_database, models)
    place.ask(TYPES)
    for n, (kind, value) in enumerate(KEYS.items()):
        place.ask(
            f"CREATE TABLE box_{n} (code {kind} PRIMARY KEY, units int); INSERT INTO box_{n} VALUES ({value}, 100)"
        )
    run(place)
    first, verified = waiting(place), place.answer("verify")["equal"]

    change(place, "".join(f"UPDATE box_{n} SET units = 2;" for n in range(len(KEYS))))

    assert (len(first), verified) == (len(KEYS), True)
    assert waiting(place) == []
    assert [place.ask(f"SELECT units FROM dim_{n}", "warehouse") for n in range(len(KEYS))] == [[[2]]] * len(KEYS)
    assert place.answer("verify")["equal"]


@pytest.mark.parametrize("code", ["NULL", "'x'"])
def test_rows_whose_key_is_not_known_are_told_apart_by_their_source_rows(make_boxes, code):
    place = make_boxes(f"(1, {code}, 5)", MODEL.replace("box.code", "CAST(box.code AS INTEGER) AS code"))

    change(place, f"INSERT INTO box VALUES (2, {code}, 5)")
    change(place, "UPDATE box SET units = 6 WHERE id = 1")

    assert waiting(place) == [{"code": None, "box.id": "1"}, {"code": None, "box.id": "2"}]


def test_a_replay_tells_what_became_of_rows_whose_key_was_not_known(make_boxes):
    place = make_boxes("(1, NULL, 5), (2, NULL, 5), (3, NULL, 5)")
    place.ask("UPDATE box SET code = 'x' WHERE id = 1; DELETE FROM box WHERE id = 2")

    answer = json.loads(replay(place, "--all", "--json").stdout)

    assert {what: len(answer[what]) for what in ("left", "gone", "stayed")} == {"left": 1, "gone": 1, "stayed": 1}
    assert answer["read_whole"] == []
    assert waiting(place) == [{"code": None, "box.id": "3"}]
    assert held(place) == [[5]]


def test_an_entry_from_before_the_models_key_was_renamed_is_replayed(make_boxes):
    place = make_boxes("(1, 'a', 100), (2, 'b', 3)")
    renamed = MODEL.replace('"code"', '"name"').replace("box.code", "box.code AS name")
    (place.project / "models/dim_box.sql").write_text(renamed)
    run(place, "--rebuild", "dim_box")
    place.ask('UPDATE starlift.quarantine SET key = \'{"code": "a"}\'', "warehouse")

    done = json.loads(replay(place, "--all", "--json").stdout)

    assert done["read_whole"] == ["box"]
    assert waiting(place) == [{"name": "a"}]


def test_a_row_that_is_gone_leaves_though_its_table_is_read_whole(make_boxes):
    place = make_boxes("(1, 'a', 100), (2, 'b', 3)", MODEL.replace("box.code", "box.code || '' AS code"))
    place.ask("DELETE FROM box WHERE id = 1")

    done = json.loads(replay(place, "--all", "--json").stdout)

    assert done["read_whole"] == ["box"]
    assert done["stayed"] == []
    assert waiting(place) == []


def test_rows_without_a_key_are_told_apart_by_what_they_hold(make_boxes):
    model = MODEL.replace('key = "code"', 'load = "replace"')
    place = make_boxes("(1, 'a', 100), (2, 'b', 200), (3, 'c', 3)", model)
    place.ask("UPDATE box SET units = 4 WHERE id = 1")

    done = json.loads(replay(place, "--all", "--json").stdout)

    assert [entry["row"]["units"] for entry in done["left"]] == ["100"]
    assert [entry["row"]["units"] for entry in done["stayed"]] == ["200"]
    assert held(place) == [[3], [4]]


@pytest.mark.parametrize(
    ("key", "types"),
    [("CAST(box.code AS INTEGER) AS code", ""), ("box.code", '[types]\ncode = "numeric"\n')],
)
def test_a_key_that_cannot_be_computed_does_not_stop_the_look_for_deletes(make_boxes, key, types):
    model = MODEL.replace("[tests.range]", f"{types}[tests.range]").replace("box.code", key)
    place = make_boxes("('1', 1), ('x', 2), ('3', 3)", model, COMPARED, "code text PRIMARY KEY, units int")

    change(place, "DELETE FROM box WHERE code = '3'")

    assert place.ask("SELECT code::text FROM dim_box WHERE _deleted", "warehouse") == [["3"]]
    assert waiting(place) == [{"code": None, "box.code": "x"}]
    assert place.answer("verify")["tables"]["dim_box"]["extra"] == 0


def test_a_key_that_leaves_out_a_part_of_the_primary_key_is_refused(make_boxes):
    place = make_boxes("('a', 1, 1)", columns="code text, part int, units int, PRIMARY KEY (code, part)")
    (place.project / "pipeline.toml").write_text(COMPARED)

    done = place.starlift("check")

    assert done.exit_code == 1
    assert "has the key (code), which leaves out part of box" in " ".join(done.stderr.split())
