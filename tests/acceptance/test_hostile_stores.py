"""Stores and warehouses altered, swapped, emptied, shared or set back: named, or healed, and never in silence."""

import contextlib
import json
import shutil
from pathlib import Path

import pytest

from tests.acceptance.command import Place, make_place, refused
from utils.errors import IntegrityError
from utils.manifest import SEAL, LandingManifest, ProcessedManifest, checksum, decode
from utils.postgres.url import parse_url

MODELS = {
    "dim_item.sql": '/*\nkind = "dimension"\nkey = "id"\ndriving = "item"\n*/\nSELECT item.id, item.name\n',
    "fact_sale.sql": '/*\nkind = "fact"\nkey = "id"\ndriving = "sale"\n[references]\nitem_id = "dim_item"\n*/\n'
    "SELECT sale.id, sale.item_id\n",
}
SCHEMA = """CREATE TABLE item (id int PRIMARY KEY, name text); INSERT INTO item VALUES (1, 'a'), (2, 'b');
    CREATE TABLE sale (id int PRIMARY KEY, item_id int REFERENCES item); INSERT INTO sale VALUES (1, 1), (2, 2)"""
HALVES = {"landing": LandingManifest, "processed": ProcessedManifest}


@pytest.fixture
def place(tmp_path, make_database):
    place = make_place(tmp_path, make_database, MODELS, 'name = "shop"\n')
    place.ask(SCHEMA)
    return place


def stop_before_load(place):
    """Leave one batch landed and transformed."""
    assert place.starlift("run", warehouse=place.warehouse.replace("?", "nowhere?")).exit_code == 1


def edit_and_run(place, name, **changes):
    place.ask(f"UPDATE item SET name = '{name}'")
    return place.starlift("run", **changes)


def manifest(place, half):
    return max((place.store / half / "_log").glob("0*.json"))


def loaded(place):
    return place.ask("SELECT count(*) FROM starlift.ledger", "warehouse")[0][0]


def is_empty(place):
    return place.ask("SELECT to_regclass('dim_item')", "warehouse") == [[None]]


def alterations(value):
    """Yield every way to change, retype, drop or add one field, at any depth."""
    if isinstance(value, dict):
        yield {**value, "more": 1}
        for name, part in value.items():
            yield {other: kept for other, kept in value.items() if other != name}
            yield from ({**value, name: altered} for altered in alterations(part))
    elif isinstance(value, list):
        yield [*value, 5]
        for place, part in enumerate(value):
            yield value[:place] + value[place + 1 :]
            yield from ([*value[:place], altered, *value[place + 1 :]] for altered in alterations(part))
    else:
        yield from (other for other in (None, "x", 5, True, [], {}) if other != value or type(other) is not type(value))


@pytest.mark.parametrize("half", HALVES)
def test_any_field_of_a_manifest_changed_dropped_or_added_by_hand_is_refused(place, half):
    stop_before_load(place)
    record, tried = json.loads(manifest(place, half).read_bytes()), 0

    for altered in alterations(record):
        tried += 1
        with pytest.raises(IntegrityError, match="some/key"):
            decode(HALVES[half], json.dumps(altered).encode(), "some/key")

    assert tried > 400


@pytest.mark.parametrize("half", HALVES)
def test_any_field_of_a_manifest_that_was_sealed_again_is_built_or_refused_by_name(place, half):
    stop_before_load(place)
    record = json.loads(manifest(place, half).read_bytes())
    del record[SEAL]

    for altered in alterations(record):
        with contextlib.suppress(IntegrityError):
            decode(HALVES[half], seal(altered), "some/key")


def seal(record):
    bare = {name: value for name, value in record.items() if name != SEAL}
    return json.dumps({**bare, SEAL: checksum(json.dumps(bare, indent=1, ensure_ascii=False).encode())}).encode()


def emptied(body, _other):
    return body[:0]


def truncated(body, _other):
    return body[:-20]


def of_other_bytes(_body, _other):
    return b"\xff\xfe{"


def nested(_body, _other):
    return b"[" * 100_000


def of_the_other_half(_body, other):
    return other


def without_rows(body, _other):
    record = json.loads(body)
    for table in record["tables"]:
        table.update({role: [] for role in ("changed", "rows") if role in table})
    return json.dumps(record).encode()


def led_out(body, _other):
    """Name a file outside, as somebody would who knows how a manifest is sealed."""
    record = json.loads(body)
    table = record["tables"][0]
    table["changed" if "changed" in table else "rows"][0]["key"] = "../../../etc/passwd"
    return seal(record)


def renumbered(body, _other):
    return seal({**json.loads(body), "number": 7})


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize(
    "alter", [emptied, truncated, of_other_bytes, nested, of_the_other_half, without_rows, led_out, renumbered]
)
def test_a_run_refuses_an_altered_manifest_and_loads_nothing(place, half, alter):
    stop_before_load(place)
    path, other = manifest(place, half), manifest(place, "landing" if half == "processed" else "processed")
    path.write_bytes(alter(path.read_bytes(), other.read_bytes()))
    if half == "landing":
        shutil.rmtree(place.store / "processed")

    refused(place.starlift("run"), "" if alter is led_out else path.name)

    assert is_empty(place)


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("alter", ["emptied", "truncated", "changed", "swapped"])
def test_a_run_refuses_an_altered_data_file_and_loads_nothing(place, half, alter):
    stop_before_load(place)
    item, sale = data_file(place, half, "item"), data_file(place, half, "sale")
    body = item.read_bytes()
    altered = {"emptied": b"", "truncated": body[:-1], "changed": body[:-1] + b"!", "swapped": sale.read_bytes()}
    item.write_bytes(altered[alter])
    if half == "landing":
        shutil.rmtree(place.store / "processed")

    refused(place.starlift("run"), "IntegrityError", item.name, "restore that object's first version")

    assert is_empty(place)


def data_file(place, half, table):
    return next(path for path in (place.store / half).glob(f"*{table}/**/*") if path.suffix in {".csv", ".parquet"})


@pytest.mark.parametrize("verb", ["run", "status"])
def test_status_too_names_a_manifest_that_it_cannot_read(place, verb):
    place.starlift("run")
    manifest(place, "landing").write_bytes(b"{}")

    refused(place.starlift(verb), "IntegrityError", "000000000001.json", "Restore that object's first version")


def other_store(place, make_database, batches):
    """Return the store of another project of the same name, with so many batches."""
    folder = place.project.parent / "elsewhere"
    other = Place(place.project, make_database(), make_database(), folder)
    other.ask(SCHEMA)
    for number in range(batches):
        assert edit_and_run(other, f"other {number}").exit_code == 0
    return other


@pytest.mark.parametrize("batches", [0, 1, 2, 3])
def test_another_store_is_refused_however_many_batches_it_holds(place, make_database, batches):
    place.starlift("run")
    edit_and_run(place, "c")
    other = other_store(place, make_database, batches)

    done = place.starlift("run", store=str(other.store), source=other.source)

    refused(done, "IntegrityError", "Name the store that the warehouse was loaded from")
    assert loaded(place) == 2
    shown = place.answer("status", store=str(other.store))["batches"]
    assert "loaded" not in {batch["state"] for batch in shown}


@pytest.mark.parametrize("halves", [("landing",), ("landing", "processed")])
def test_a_store_set_back_to_an_older_copy_is_refused_before_a_row_is_missed(place, halves):
    place.starlift("run")
    older = place.project.parent / "older"
    shutil.copytree(place.store, older)
    edit_and_run(place, "c")
    for half in halves:
        shutil.rmtree(place.store / half)
        shutil.copytree(older / half, place.store / half)

    refused(edit_and_run(place, "d"), "IntegrityError", "older copy")


def test_a_processed_half_that_was_emptied_or_set_back_is_made_again(place):
    place.starlift("run")
    edit_and_run(place, "c")
    shutil.rmtree(place.store / "processed")

    done = edit_and_run(place, "d")

    assert done.exit_code == 0, done.output
    assert place.answer("verify")["tables"]["dim_item"]["pending"] == 0


def test_two_warehouses_that_share_a_store_both_get_everything(place, make_database):
    second = make_database()
    for name in ("c", "d"):
        edit_and_run(place, name)
        assert place.starlift("run", warehouse=second).exit_code == 0

    for warehouse in (place.warehouse, second):
        found = place.answer("verify", warehouse=warehouse)["tables"]["dim_item"]
        assert (found["different"], found["pending"], found["rows"]) == (0, 0, 2)


def another_project(place, name):
    folder = Path(f"{place.project}-{name}")
    shutil.copytree(place.project, folder)
    (folder / "pipeline.toml").write_text(f'name = "{name}"\n')
    return str(folder)


def test_two_projects_may_not_share_a_store(place, make_database):
    place.starlift("run")

    done = place.starlift("run", project=another_project(place, "second"), warehouse=make_database())

    refused(done, "IntegrityError", "shop", "second", "a store of its own")


def test_two_projects_may_not_share_a_warehouse(place, tmp_path):
    place.starlift("run")
    second = another_project(place, "second")

    done = place.starlift("run", project=second, store=str(tmp_path / "second"))

    refused(done, "IntegrityError", "another project's warehouse")
    assert loaded(place) == 1


def test_an_emptied_warehouse_is_filled_again_from_the_store(place, make_database):
    for name in ("c", "d"):
        edit_and_run(place, name)

    done = place.starlift("run", warehouse=(empty := make_database()))

    assert done.exit_code == 0, done.output
    assert place.answer("verify", warehouse=empty)["tables"]["dim_item"]["rows"] == 2


def test_a_warehouse_restored_from_an_older_dump_catches_up(place, make_database):
    edit_and_run(place, "c")
    restored = make_database(template=parse_url(place.warehouse).database)
    edit_and_run(place, "d")
    place.ask("DELETE FROM sale WHERE id = 2; INSERT INTO sale VALUES (3, 1)")

    done = place.starlift("run", warehouse=restored)

    assert done.exit_code == 0, done.output
    assert place.answer("verify", warehouse=restored)["tables"]["dim_item"]["different"] == 0


def test_a_store_that_cannot_be_one_is_named(place, tmp_path):
    (tmp_path / "file").write_text("")

    for store in (str(tmp_path / "file"), "", "ftp://x/y", "s3://"):
        refused(place.starlift("run", store=store))
