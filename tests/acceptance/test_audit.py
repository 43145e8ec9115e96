"""What every run tells of its own completeness."""

import logging
from contextlib import contextmanager

import pytest

from extraction.database.wiring import open_source
from tests.acceptance.command import make_place
from utils.postgres.url import parse_url

MODEL = '/*\nkind = "fact"\nkey = "id"\ndriving = "item"\n*/\nSELECT item.id, item.units\n'
ROWS = "INSERT INTO item SELECT i, i, now() FROM generate_series(1, 5) i"


@pytest.fixture
def make_shop(tmp_path, make_database):
    def make(pipeline='cursor = "last_updated"\n'):
        place = make_place(tmp_path, make_database, {"fact_item.sql": MODEL}, pipeline)
        place.ask("CREATE TABLE item (id int PRIMARY KEY, units int, last_updated timestamptz)")
        place.ask(ROWS)
        place.starlift("run")
        return place

    return make


@contextmanager
def open_transaction(place):
    """Leave a transaction open that has written."""
    with open_source(parse_url(place.source)) as session:
        session.execute_simple("BEGIN; UPDATE item SET units = 0 WHERE id = 5")
        yield session


def test_a_run_counts_rows_that_only_the_horizon_found_and_rows_read_again(make_shop):
    shop = make_shop()
    shop.ask("UPDATE item SET units = 70 WHERE id = 1; UPDATE item SET units = units WHERE id IN (2, 3)")

    audit = shop.answer("run")["audit"]

    assert audit == {"horizon_age_seconds": 0, "horizon_transactions_behind": 0, "late": 1, "read_again": 2}


def test_a_quiet_run_tells_the_horizons_age_too(make_shop):
    shop = make_shop()
    with open_transaction(shop):
        shop.ask("UPDATE item SET units = 8 WHERE id = 1")
        shop.starlift("run")
        shop.ask("UPDATE item SET units = 9 WHERE id = 1")
        shop.starlift("run")

        done = shop.answer("run")

    assert done["audit"]["horizon_age_seconds"] > 0
    assert done["audit"]["horizon_transactions_behind"] >= 3


@pytest.mark.parametrize(("limit", "alerts"), [(1, 0), (3600, 0), (None, 0)])
def test_no_alert_while_no_transaction_is_older_than_the_limit(make_shop, caplog, limit, alerts):
    shop = make_shop(f"max_horizon_age_seconds = {limit}\n" if limit else "")
    shop.ask("UPDATE item SET units = 9 WHERE id = 1")

    shop.starlift("run")

    assert sum(record.message == "horizon held back" for record in caplog.records) == alerts


def test_a_transaction_open_for_longer_than_the_limit_raises_the_alert_in_every_run(make_shop, caplog):
    shop = make_shop("max_horizon_age_seconds = 1\n")
    with open_transaction(shop):
        shop.ask("UPDATE item SET units = 8 WHERE id = 1")
        shop.starlift("run")
        shop.ask("SELECT pg_sleep(1.1); UPDATE item SET units = 9 WHERE id = 1")
        done = [shop.starlift("run") for _ in range(2)]

    alerts = [record for record in caplog.records if record.message == "horizon held back"]
    assert [record.levelno for record in alerts] == [logging.CRITICAL] * 2
    assert all("pg_stat_activity" in run.stderr for run in done)


def test_the_audit_is_logged_with_every_batch(make_shop, caplog):
    caplog.set_level(logging.INFO)

    make_shop()

    extracted = next(record for record in caplog.records if record.message == "batch extracted")
    loaded = next(record for record in caplog.records if record.message == "batch loaded")

    assert (extracted.horizon_age_seconds, extracted.horizon_transactions_behind) == (0, 0)
    assert (loaded.loaded, loaded.late, loaded.skipped) == (5, 0, 0)
