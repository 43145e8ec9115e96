"""The shipped project, from landed rows to the rows of the reference warehouse."""

import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tests.factories import Stage
from tests.totesys_sources import landed, row, table, whole
from utils.project import read_project

TOTESYS = read_project(Path(__file__).parents[2] / "projects" / "totesys")
DAY, TIME = datetime.date(2022, 11, 3), datetime.time(14, 20, 52, 186000)
NOVEMBER_4TH = datetime.date(2022, 11, 4)


@pytest.fixture
def stage(tmp_path):
    return Stage(TOTESYS, tmp_path)


def transformed(stage, *sources):
    stage.land(*sources)
    stage.transform()
    return stage


def test_an_order_becomes_a_fact_with_its_moments_split(stage):
    done = transformed(stage, *whole())

    assert done.rows("fact_sales_order") == [
        (
            1,
            DAY,
            TIME,
            DAY,
            TIME,
            1,
            1,
            1,
            Decimal("3.94"),
            1,
            1,
            datetime.date(2022, 11, 7),
            datetime.date(2022, 11, 9),
            1,
        )
    ]


def test_a_payment_keeps_whether_it_is_paid(stage):
    done = transformed(stage, *whole(payment=[row("payment", paid="f"), row("payment", payment_id=2, paid="t")]))

    assert done.rows("fact_payment", columns="payment_id, paid, payment_date") == [
        (1, False, NOVEMBER_4TH),
        (2, True, NOVEMBER_4TH),
    ]


def test_staff_carry_their_department_and_their_apostrophes(stage):
    done = transformed(stage, *whole(department=[row("department", department_name="Sales", location="Leds")]))

    assert done.rows("dim_staff") == [(1, "a text", "O'Keefe", "Sales", "Leds", "bill.o'keefe@terrifictotes.com")]


def test_staff_of_a_department_without_a_location_are_not_lost(stage):
    done = transformed(stage, *whole(department=[row("department", location=None)]))

    assert done.rows("dim_staff", columns="location") == [("Unknown",)]


def test_a_counterparty_carries_its_address_behind_a_prefix(stage):
    address = row("address", city="New Patienceburgh", phone="9621 880720", district="Avon")

    done = transformed(stage, *whole(address=[address]))

    assert done.rows("dim_counterparty") == [
        (1, "a text", "a text", None, "Avon", "New Patienceburgh", "a text", "a text", "9621 880720")
    ]


def test_currencies_are_named_by_the_lookup_file(stage):
    codes = [
        row("currency", currency_id=number, currency_code=code) for number, code in enumerate(("GBP", "USD", "EUR"))
    ]

    done = transformed(stage, *whole(currency=codes))

    assert done.rows("dim_currency") == [(0, "GBP", "British Pound"), (1, "USD", "US Dollar"), (2, "EUR", "Euro")]


def test_a_currency_without_a_name_is_quarantined_with_the_reason(stage):
    done = transformed(stage, *whole(currency=[row("currency"), row("currency", currency_id=2, currency_code="XYZ")]))

    assert [found[0] for found in done.rows("dim_currency")] == [1]
    assert [(found["key"], found["reason"]) for found in done.quarantined("dim_currency")] == [
        ({"currency_id": "2"}, "currency_name is null")
    ]


def test_the_calendar_counts_days_as_iso_does(stage):
    done = transformed(stage, *whole())

    days = {found[0]: found[1:] for found in done.rows("dim_date")}
    assert len(days) == 365
    assert days[datetime.date(2022, 1, 2)] == (2022, 1, 2, 7, "Sunday", "January", 1)
    assert days[datetime.date(2022, 10, 31)] == (2022, 10, 31, 1, "Monday", "October", 4)


def test_a_change_of_a_department_alone_reaches_its_staff(stage):
    sources = {part.table.name: part for part in landed(department=[row("department", location="Leeds")])}
    sources["staff"] = table("staff").holding(affected=[row("staff"), row("staff", staff_id=2)])

    done = transformed(stage, *sources.values())

    assert done.rows("dim_staff", columns="staff_id, location") == [(1, "Leeds"), (2, "Leeds")]
    assert done.rows("dim_location") == []


def test_every_table_of_the_warehouse_is_in_every_manifest(stage):
    done = transformed(stage, *landed())

    assert len(done.manifest().tables) == 8 + 3
    assert all(found.rows == () for found in done.manifest().tables)


def test_a_date_that_is_none_takes_only_its_order_to_quarantine(stage):
    orders = [row("sales_order"), row("sales_order", sales_order_id=2, agreed_delivery_date="2022-11-31")]

    done = transformed(stage, *whole(sales_order=orders))

    assert [found[0] for found in done.rows("fact_sales_order")] == [1]
    assert done.quarantined("fact_sales_order")[0]["reason"] == "agreed_delivery_date could not be computed"
