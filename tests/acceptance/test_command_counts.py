"""What the command tells of rebuilds, comparisons and counts of one."""

import pytest

from tests.acceptance.small_shop import COMPARED, ITEM, MAKER, make_small_shop, write_model


@pytest.fixture
def shop(tmp_path, make_database):
    return make_small_shop(tmp_path, make_database, COMPARED)


def test_a_machine_is_told_what_a_run_rebuilt(shop):
    write_model(shop, "fact_item", ITEM.replace("item.units", "item.units * 2 AS units"))

    rebuilt, plain = shop.answer("run", "--rebuild", "fact_item"), shop.answer("run")

    assert rebuilt["rebuilt"] == [{"model": "fact_item", "first": 1, "rows": 2}]
    assert plain["rebuilt"] == []


def test_the_warning_names_the_model_to_rebuild(shop):
    write_model(shop, "dim_maker", MAKER.replace("maker.name", "upper(maker.name) AS name"))

    assert "starlift run --rebuild dim_maker" in " ".join(shop.starlift("run").stderr.split())


def test_keys_that_are_compared_are_told_as_such(shop):
    shop.ask("DELETE FROM item WHERE id = 2")

    told = shop.starlift("run").stderr.splitlines()

    assert ["compared", "item", "1", "key"] in [line.split() for line in told]


def test_one_row_in_quarantine_is_told_in_the_singular(shop):
    shop.ask("INSERT INTO item VALUES (3, 99, 1)")
    shop.starlift("run")

    assert "fact_item: 1 row in quarantine" in shop.starlift("status").stdout
