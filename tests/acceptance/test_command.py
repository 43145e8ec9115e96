"""The starlift command: exit codes, one JSON object, and errors that a person can act on."""

import json

import pytest
from typer.testing import CliRunner

from cli.main import app
from tests.acceptance.command import make_place

MODEL = '/*\nkind = "{kind}"\nkey = "id"\ndriving = "item"\n{more}*/\nSELECT item.id, item.name{body}\n'


@pytest.fixture
def place(tmp_path, make_database):
    models = {"dim_item.sql": MODEL.format(kind="dimension", more="", body="")}
    place = make_place(tmp_path, make_database, models)
    place.ask(
        "CREATE TABLE item (id int PRIMARY KEY, name text, born text); INSERT INTO item VALUES (1, 'a', '2024-01-01')"
    )
    return place


def batches(place):
    return place.ask("SELECT count(*) FROM starlift.ledger", "warehouse")[0][0]


def refused(done, *says):
    assert done.exit_code == 1, done.output
    for text in says:
        assert text in " ".join(done.output.split()), done.output


def test_a_run_reports_counts_and_a_second_one_that_nothing_changed(place):
    first, second = place.answer("run"), place.starlift("run")

    assert first["batch"] == 1
    assert {count: rows for count, rows in first["tables"]["item"].items() if rows} == {"extracted": 1}
    assert first["tables"]["dim_item"]["loaded"] == 1
    assert second.exit_code == 0
    assert "Nothing changed" in second.stdout


def test_status_shows_where_batches_stand(place):
    empty = place.answer("status")
    place.starlift("run")

    full = place.answer("status")

    assert (empty["landed"], empty["batches"]) == (0, [])
    assert [full[count] for count in ("landed", "transformed", "loaded")] == [1, 1, 1]
    assert full["batches"][0]["state"] == "loaded"
    assert "1" in place.starlift("status").stdout


def test_the_log_remembers_the_schema(place):
    place.starlift("run")
    place.ask("ALTER TABLE item ADD COLUMN size int")
    place.starlift("run")

    told = CliRunner().invoke(app, ["schema", "history", "--store", str(place.store), "--json"])

    assert [change["batch"] for change in json.loads(told.stdout)["changes"]] == [1, 2]
    assert "column size integer added" in told.stdout


def test_backfill_reads_a_table_whole_and_an_unknown_one_is_named(place):
    place.starlift("run")

    again, wrong = place.answer("run", "--backfill", "item"), place.starlift("run", "--backfill", "nowhere")

    assert again["tables"]["item"]["extracted"] == 1
    assert again["tables"]["dim_item"]["skipped"] == 1
    refused(wrong, "nowhere")


def test_a_resync_reads_everything_and_changes_nothing_that_is_equal(place):
    place.starlift("run")

    counts = place.answer("run", "--resync")["tables"]["dim_item"]

    assert {count: rows for count, rows in counts.items() if rows} == {"skipped": 1, "transformed": 1}


def test_a_real_difference_is_exit_code_1_with_example_keys(place):
    place.starlift("run")
    place.ask("UPDATE dim_item SET name = 'tampered'", "warehouse")
    place.ask("INSERT INTO item VALUES (2, 'new')")

    done = place.starlift("verify")

    refused(done, "dim_item: different 1", "--resync")
    assert place.answer("verify")["tables"]["dim_item"]["pending"] == 1


@pytest.mark.parametrize(
    "arguments",
    [["run"], ["nonsense"], ["check", "--project", "/nowhere"], ["run", "--source", "mysql://a:s3cret@h/d"], ["init"]],
)
def test_wrong_usage_is_exit_code_2_and_repeats_no_password(arguments):
    done = CliRunner().invoke(app, arguments)

    assert done.exit_code == 2
    assert "s3cret" not in done.output


def test_an_unreachable_source_is_one_json_object_without_the_password(place):
    away = "postgresql://app:s3cret@127.0.0.1:1/shop?sslmode=disable"

    done = place.starlift("run", "--json", source=away)

    error = json.loads(done.stdout)["error"]
    assert (done.exit_code, error["type"], error["retryable"]) == (1, "SourceUnavailableError", True)
    assert "s3cret" not in done.output
    assert "run the same command again" in place.starlift("run", source=away).output


def test_a_role_that_may_not_select_is_told_which_table(place):
    place.ask("DROP ROLE IF EXISTS cli_reader; CREATE ROLE cli_reader LOGIN")

    done = place.starlift("run", source=place.source.replace("postgres@", "cli_reader@"))

    place.ask("DROP ROLE cli_reader")
    refused(done, "AccessDeniedError", "item", "Grant")


def test_row_level_security_is_an_error_and_not_missing_rows(place):
    place.ask("DROP ROLE IF EXISTS cli_seer; CREATE ROLE cli_seer LOGIN; GRANT SELECT ON item TO cli_seer")
    place.ask("ALTER TABLE item ENABLE ROW LEVEL SECURITY")

    done = place.starlift("run", source=place.source.replace("postgres@", "cli_seer@"))

    place.ask("DROP OWNED BY cli_seer; DROP ROLE cli_seer")
    refused(done, "Row-level security", "BYPASSRLS")


@pytest.mark.parametrize(
    ("body", "more", "says"),
    [
        (", item.nowhere", "", "dim_item.sql:6: dim_item needs item.nowhere"),
        (", count(*) AS n", "", "aggregates with"),
        (", (SELECT 1) AS n", "", "subquery"),
        (", now() AS n", "", "another answer each time"),
        (" FROM item", "", "has a FROM"),
        (", other.x", "", "reads other, which is not in its header"),
        ("", "[lookups]\nnowhere = {}\n", "nowhere"),
        ("", '[tests]\nnot_null = "nope"\n', "nope"),
        (", item.id +", "", "is not a SELECT"),
    ],
)
def test_check_names_file_line_and_reason_of_what_a_model_cannot_have(place, body, more, says):
    (place.project / "models/dim_item.sql").write_text(MODEL.format(kind="dimension", more=more, body=body))

    refused(place.starlift("check"), says)


def test_a_table_that_the_source_lacks_is_named(place):
    place.ask("ALTER TABLE item RENAME TO thing")

    refused(place.starlift("run"), "public.item", "Correct the name")


def test_a_key_that_comes_twice_stops_the_run_with_an_example(place):
    path = place.project / "models/dim_item.sql"
    path.write_text(path.read_text().replace("SELECT item.id", "SELECT item.id % 1 AS id"))
    place.ask("INSERT INTO item VALUES (2, 'b')")

    refused(place.starlift("run"), "DuplicateKeyError", "(id) = (0) twice")


def test_a_landed_file_that_vanished_is_read_again_by_the_next_run(place):
    place.starlift("run")
    place.ask("UPDATE item SET name = 'b'")
    place.starlift("run", warehouse=place.warehouse.replace("?", "nowhere?"))
    stop_after_landing(place)

    healed = place.starlift("run")

    assert healed.exit_code == 0, healed.output
    assert place.answer("verify")["equal"]


def stop_after_landing(place):
    """Leave the last batch landed but not transformed, and lose its rows."""
    for path in (place.store / "processed/_log").glob("000000000002*"):
        path.unlink()
    (place.store / "processed/_log/newest").unlink()
    newest = max((place.store / "landing/item").rglob("*.csv"), key=lambda path: path.stat().st_mtime)
    newest.unlink()


def test_an_altered_processed_file_is_refused_and_nothing_is_loaded(place):
    place.starlift("run", warehouse=place.warehouse.replace("?", "nowhere?"))
    parquet = next((place.store / "processed").rglob("*.parquet"))
    parquet.write_bytes(parquet.read_bytes() + b"!")

    refused(place.starlift("run"), "IntegrityError", parquet.name)

    assert place.ask("SELECT to_regclass('dim_item')", "warehouse") == [[None]]


@pytest.mark.parametrize("another", [False, True])
def test_a_store_that_was_emptied_or_swapped_is_refused(place, tmp_path, make_database, another):
    place.starlift("run")
    place.ask("UPDATE item SET name = 'b'")
    place.starlift("run")
    store = tmp_path / "other"
    if another:
        for number in range(3):
            place.ask(f"UPDATE item SET name = 'c{number}'")
            place.starlift("run", store=str(store), warehouse=make_other(place, make_database))

    refused(place.starlift("run", store=str(store)), "IntegrityError", "store")

    assert batches(place) == 2


def make_other(place, make_database):
    return place.__dict__.setdefault("other", make_database())


def test_a_row_that_cannot_be_computed_waits_and_the_rest_goes_on(place):
    path = place.project / "models/dim_item.sql"
    path.write_text(MODEL.format(kind="dimension", more="", body=", CAST(item.born AS DATE) AS born"))
    place.ask("INSERT INTO item VALUES (2, 'b', '2024-13-99')")

    done = place.answer("run")

    assert (done["tables"]["dim_item"]["loaded"], done["tables"]["dim_item"]["quarantined"]) == (1, 1)
    assert place.answer("verify")["equal"]
    assert place.answer("status")["quarantine"] == {"dim_item": 1}
    place.ask("UPDATE item SET born = '2024-12-31' WHERE id = 2")
    place.starlift("run")
    assert place.answer("status")["quarantine"] == {}
    assert place.answer("verify")["tables"]["dim_item"]["rows"] == 2
