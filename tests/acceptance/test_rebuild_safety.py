"""What a rebuild leaves alone, what waits for it, what it refuses, and what is left of one that is killed."""

from contextlib import suppress
from dataclasses import replace
from functools import partial

import pytest

from load.warehouse.wiring import open_ports
from local.warehouse import rebuild as local_rebuild
from local.warehouse.rebuild import rebuild_model
from local.warehouse.run import Job
from tests.acceptance.rebuilt_shop import (
    DOUBLED,
    ITEM,
    assert_sound,
    change,
    make_rebuilt_shop,
    versions,
    write_model,
)
from tests.fakes import Crash, Fuse, FusedSession
from utils.postgres.url import parse_url
from utils.project import read_project


@pytest.fixture
def shop(tmp_path, make_database):
    return make_rebuilt_shop(tmp_path, make_database)


def test_rights_and_names_survive(shop):
    shop.ask("DROP ROLE IF EXISTS reader; CREATE ROLE reader", "warehouse")
    shop.ask("GRANT SELECT ON fact_item TO reader; GRANT SELECT ON current_fact_item TO reader", "warehouse")
    names = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1"
    keys = "SELECT conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n' ORDER BY 1"
    before = [shop.ask(query, "warehouse") for query in (names, keys)]

    shop.starlift("run", "--rebuild", "fact_item")

    assert [shop.ask(query, "warehouse") for query in (names, keys)] == before
    for table in ("fact_item", "current_fact_item"):
        assert shop.ask(f"SELECT has_table_privilege('reader', '{table}', 'SELECT')", "warehouse") == [[True]]
    shop.ask("DROP OWNED BY reader; DROP ROLE reader", "warehouse")


def test_somebody_elses_view_is_named_and_nothing_is_lost(shop):
    shop.ask("CREATE VIEW theirs AS SELECT units FROM fact_item", "warehouse")
    write_model(shop, "fact_item", DOUBLED)
    before = versions(shop)

    done = shop.starlift("run", "--rebuild", "fact_item")
    shop.ask("DROP VIEW theirs", "warehouse")
    again = shop.starlift("run", "--rebuild", "fact_item")

    assert done.exit_code == 1
    assert "view public.theirs depends on table public.fact_item" in " ".join(done.stderr.split())
    assert before[0][1] == 5
    assert again.exit_code == 0
    assert_sound(shop)


def test_rows_that_the_new_model_refuses_go_to_quarantine_and_others_leave_it(shop):
    strict = ITEM.replace("[references]", "[tests.range]\nunits = [0, 6]\n[references]")
    write_model(shop, "fact_item", strict)
    shop.starlift("run", "--rebuild", "fact_item")
    refused = shop.answer("status")["quarantine"]
    write_model(shop, "fact_item", DOUBLED)

    shop.starlift("run", "--rebuild", "fact_item")

    assert refused == {"fact_item": 1}
    assert shop.answer("status")["quarantine"] == {}
    assert_sound(shop)


def test_a_batch_that_waits_is_transformed_again_for_the_rebuilt_table(shop):
    write_model(shop, "fact_item", ITEM.replace("item.units", "item.units::text AS units"))
    refused = change(shop, "UPDATE item SET units = 9 WHERE id = 20")
    write_model(shop, "fact_item", ITEM.replace("item.units", "item.units AS pieces"))

    done = shop.starlift("run", "--rebuild", "fact_item")

    assert "SchemaDriftError" in refused.stderr
    assert done.exit_code == 0, done.stderr
    assert [row[1] for row in versions(shop, "pieces")] == [5, 7, 6, 9]
    assert_sound(shop)


@pytest.mark.parametrize("wanted", ["nothing", "loaded", "ahead"])
def test_what_cannot_be_transformed_again_is_refused(shop, wanted):
    number = {"nothing": "0", "loaded": "2", "ahead": "3"}[wanted]

    done = shop.starlift("run", "--retransform", number)

    assert done.exit_code == 1
    assert "ConfigurationError: Batch" in done.stderr


def test_a_mended_model_goes_on_after_its_batch_is_transformed_again(shop):
    write_model(shop, "fact_item", ITEM.replace("item.units", "item.units::text AS units"))
    change(shop, "UPDATE item SET units = 9 WHERE id = 20")
    write_model(shop, "fact_item", ITEM)

    done = shop.starlift("run", "--retransform", "3")

    assert done.exit_code == 0, done.stderr
    assert [row[1] for row in versions(shop)] == [5, 7, 6, 9]
    assert_sound(shop)


def test_a_rebuild_before_the_first_run_and_of_an_unknown_model_is_refused(shop, tmp_path, make_database):
    empty = replace(shop, warehouse=make_database())

    unknown, early = shop.starlift("run", "--rebuild", "fact_x"), empty.starlift("run", "--rebuild", "fact_item")

    assert "It has dim_maker, fact_item" in " ".join(unknown.stderr.split())
    assert "a plain run builds every table" in " ".join(early.stderr.split())


def test_a_rebuild_that_is_killed_at_any_step_leaves_the_old_table_and_the_next_one_ends(shop, monkeypatch):
    write_model(shop, "fact_item", DOUBLED)
    job = Job(read_project(shop.project), parse_url(shop.source), parse_url(shop.warehouse), str(shop.store))
    old, new = versions(shop), [[10, 10, 1, False], [10, 14, 2, True], [20, 12, 1, True]]
    for step in range(1, 400):
        fuse = Fuse(blow_at=step)
        monkeypatch.setattr(local_rebuild, "_load_ports", partial(fused_ports, fuse))
        with suppress(Crash):
            rebuild_model(job, "fact_item")
        assert versions(shop) in (old, new)
        if versions(shop) == new:
            break

    assert step > 30
    assert fuse.steps <= step
    monkeypatch.undo()
    rebuild_model(job, "fact_item")
    assert versions(shop) == new
    assert_sound(shop)


def fused_ports(fuse, job, scratch):
    return _Fused(open_ports(job.project, job.warehouse, job.processed, scratch), fuse)


class _Fused:
    """The load stage's ports with a session that can die."""

    def __init__(self, ports, fuse):
        self.ports, self.fuse = ports, fuse

    def __enter__(self):
        ports = self.ports.__enter__()
        return replace(ports, warehouse=FusedSession(ports.warehouse, self.fuse))

    def __exit__(self, *failure):
        return self.ports.__exit__(*failure)
