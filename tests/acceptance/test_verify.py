"""What verify says of rows that no run will bring: dropped, refused, in quarantine, or waiting to be accepted."""

import json

import pytest

from tests.acceptance.command import make_place
from tests.acceptance.test_quarantine import quarantine

MODELS = {
    "dim_product.sql": """/*
kind = "dimension"
key = "code"
driving = "product"
[tests.range]
price = [0, 99]
*/
SELECT CAST(product.code AS INTEGER) AS code, product.price
"""
}
COMPARED = '[tables.product]\ndeletes = "compare-keys"\n'


@pytest.fixture(params=["", COMPARED], ids=["plain", "deletes"])
def shop(request, tmp_path, make_database):
    place = make_place(tmp_path, make_database, MODELS, request.param)
    place.ask("CREATE TABLE product (code text PRIMARY KEY, price int)")
    place.ask("INSERT INTO product SELECT i, i FROM generate_series(1, 40) i")
    place.succeed("run")
    return place


def found(place, *more):
    answer = place.answer("verify", *more)
    counts = answer["tables"]["dim_product"]
    return {name: count for name, count in counts.items() if count and name not in {"table", "rows", "examples"}}


def told(place):
    return " ".join(place.starlift("verify").stdout.split())


def spoil(place):
    """Bring a new row and a new version that fail their test, and a row whose key is not known."""
    place.ask("INSERT INTO product VALUES ('201', 1000), ('x', 5)")
    place.ask("UPDATE product SET price = -1 WHERE code = '2'")
    place.succeed("run")


def test_rows_in_quarantine_are_counted_and_are_no_difference(shop):
    spoil(shop)

    done = shop.starlift("verify")

    assert (done.exit_code, found(shop)) == (0, {"quarantined": 3})
    assert "No difference; 3 rows in quarantine." in " ".join(done.stdout.split())


def test_dropped_rows_are_missing_or_different_until_they_change(shop):
    spoil(shop)
    assert quarantine(shop, "drop", "--all", "--yes").exit_code == 0

    done, counts = shop.starlift("verify"), found(shop)
    shop.ask("UPDATE product SET price = 3, code = replace(code, 'x', '99')")
    shop.succeed("run")

    assert (done.exit_code, counts) == (1, {"missing": 2, "different": 1})
    for example in ("different 2", "missing 201", "missing code=NULL product.code=x"):
        assert f"dim_product: {example}" in done.stdout
    assert found(shop) == {}


def test_a_refused_row_that_no_run_has_read_yet_is_pending(shop):
    shop.ask("INSERT INTO product VALUES ('201', 1000), ('x', 5); UPDATE product SET price = -1 WHERE code = '2'")

    assert found(shop) == {"pending": 3}
    assert "No difference; 3 rows wait for the next batch." in told(shop)


@pytest.mark.parametrize("shop", [COMPARED], indirect=True)
def test_deletes_that_wait_to_be_accepted_are_told_beside_the_quarantine(shop):
    spoil(shop)
    shop.ask("DELETE FROM product WHERE code LIKE '1_' OR code LIKE '3_'")
    assert shop.starlift("run").exit_code == 1

    assert found(shop) == {"pending": 20, "quarantined": 3}
    assert "No difference; 20 rows wait for the next batch, 3 rows in quarantine." in told(shop)


def test_a_warehouse_that_is_equal_says_how_many_rows_are(shop):
    assert "No difference: 40 current rows are what the models make of the source." in told(shop)


@pytest.mark.parametrize("name", ["$.a", "/a", 'a"b', "a b"])
def test_a_key_of_any_name_is_known_in_quarantine(tmp_path, make_database, name):
    quoted = name.replace('"', '""')
    model = MODELS["dim_product.sql"].replace('"code"', json.dumps(name))
    model = model.replace("CAST(product.code AS INTEGER) AS code", f'product.code AS "{quoted}"')
    place = make_place(tmp_path, make_database, {"dim_product.sql": model})
    place.ask("CREATE TABLE product (code text PRIMARY KEY, price int); INSERT INTO product VALUES ('a', 5), ('b', -1)")
    place.succeed("run")

    counts = found(place)
    quarantine(place, "drop", "--all", "--yes")

    assert (counts, found(place)) == ({"quarantined": 1}, {"missing": 1})
    assert "missing b" in told(place)
