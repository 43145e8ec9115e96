"""A rebuild beside what waits: batches that cannot load and lost their files, rows in quarantine, their alert."""

from datetime import UTC, datetime

import pytest

from extraction.database import wiring
from extraction.database.pipeline import Run, extract_batch
from local.warehouse.run import Job
from tests.acceptance.rebuilt_shop import ITEM, MAKER, assert_sound, change, make_rebuilt_shop, versions, write_model
from utils.postgres.url import parse_url
from utils.project import read_project


@pytest.fixture
def shop(tmp_path, make_database):
    return make_rebuilt_shop(tmp_path, make_database)


@pytest.mark.parametrize("again", [("--retransform", "3"), ("--rebuild", "fact_item")])
def test_a_batch_that_cannot_load_and_lost_its_files_is_left_empty_once_all_rows_were_read_anew(shop, again):
    write_model(shop, "fact_item", ITEM.replace("item.units", "item.units::text AS units"))
    change(shop, "UPDATE item SET units = 9 WHERE id = 20")
    newest = max((shop.store / "landing/item").rglob("*.csv"), key=lambda path: path.stat().st_mtime_ns)
    newest.unlink()
    write_model(shop, "fact_item", ITEM)

    refused = shop.starlift("run", *again)
    stuck = shop.starlift("run", "--resync")
    done = shop.starlift("run", *again)

    assert "batch 3 is gone" in " ".join(refused.stderr.split())
    assert "--resync" in refused.stderr
    assert (stuck.exit_code, done.exit_code) == (1, 0)
    assert [row[1] for row in versions(shop)] == [5, 7, 6, 9]
    assert_sound(shop)


def test_a_row_that_waits_for_one_of_its_own_table_waits_on_under_its_name(shop):
    boss = MAKER.replace("*/", '[references]\nboss = "dim_maker"\n*/').replace("maker.name", "maker.name, maker.boss")
    shop.ask("ALTER TABLE maker ADD COLUMN boss int; INSERT INTO maker VALUES (3, 'three', 9)")
    write_model(shop, "dim_maker", boss)
    shop.starlift("run", "--rebuild", "dim_maker")
    shop.starlift("run", "--rebuild", "dim_maker")

    reason = shop.ask("SELECT reason FROM starlift.quarantine", "warehouse")
    change(shop, "INSERT INTO maker VALUES (9, 'nine', NULL)")

    assert reason == [["boss: no such row in dim_maker yet"]]
    assert shop.answer("status")["quarantine"] == {}
    assert_sound(shop)


def test_the_alert_tells_of_what_only_the_rebuild_refused(shop):
    strict = ITEM.replace("[references]", "[tests.range]\nunits = [0, 6]\n[references]")
    write_model(shop, "fact_item", strict)
    first_seen = "SELECT first_seen FROM starlift.quarantine"

    told = shop.starlift("run", "--rebuild", "fact_item")
    seen = shop.ask(first_seen, "warehouse")
    again = shop.starlift("run", "--rebuild", "fact_item")

    assert "new rows in quarantine" in told.stderr
    assert "new rows in quarantine" not in again.stderr
    assert shop.ask(first_seen, "warehouse") == seen


def test_a_deleted_member_that_facts_refer_to_outlives_a_rebuild_from_the_source(shop):
    pipeline = shop.project / "pipeline.toml"
    pipeline.write_text(pipeline.read_text() + '[tables.maker]\ndeletes = "compare-keys"\ndeletes_max_share = 1\n')
    change(shop, "DELETE FROM maker WHERE id = 2")
    for path in (shop.store / "landing/maker").rglob("*.csv"):
        path.unlink()
    write_model(shop, "dim_maker", MAKER.replace("maker.name", "upper(maker.name) AS name"))

    done = shop.starlift("run", "--rebuild", "dim_maker")

    assert done.exit_code == 0, done.stderr
    held = "SELECT id, name, _deleted FROM dim_maker ORDER BY 1"
    assert shop.ask(held, "warehouse") == [[1, "ONE", False], [2, "two", True]]
    assert versions(shop)[-1][1] == 6


NAMED = ITEM.replace("*/", '[lookups]\nmaker = { on = ["maker"], key = ["id"] }\n*/').replace(
    "item.units", "item.units, maker.name AS made_by"
)


def test_a_new_lookup_is_not_rebuilt_from_batches_that_did_not_read_for_it(shop):
    write_model(shop, "fact_item", NAMED)

    done = shop.starlift("run", "--rebuild", "fact_item")

    assert done.exit_code == 0, done.stderr
    assert "rows that the model looks up were not read with it" in done.stderr
    held = "SELECT id, units, made_by FROM current_fact_item ORDER BY 1"
    assert shop.ask(held, "warehouse") == [[10, 7, "one"], [20, 6, "two"]]
    assert_sound(shop)


def test_a_batch_that_waits_is_read_again_for_a_new_lookup(shop):
    shop.ask("UPDATE item SET units = 8 WHERE id = 20")
    extract_only(shop)
    write_model(shop, "fact_item", NAMED)

    done = shop.starlift("run")

    assert done.exit_code == 0, done.stderr
    assert shop.ask("SELECT units, made_by FROM current_fact_item WHERE id = 20", "warehouse") == [[8, "two"]]


def extract_only(place):
    """Land a batch and die before it is transformed."""
    job = Job(read_project(place.project), parse_url(place.source), parse_url(place.warehouse), str(place.store))
    run = Run("landed", datetime.now(UTC), "token")
    with wiring.open_ports(job.project, job.source, job.landing, job.processed) as ports:
        assert extract_batch(run, ports).manifest
