"""The shipped project against the reference warehouse: names, order, types and NOT NULL."""

from pathlib import Path

import pytest

from tests.totesys_sources import COLUMNS, catalogue
from transformation.star_schema.checking import check_models
from utils.project import read_project

PROJECT = read_project(Path(__file__).parents[2] / "projects" / "totesys")
STAMPS = (
    "created_date date, created_time time without time zone, "
    "last_updated_date date, last_updated_time time without time zone, "
)
ADDRESS = "line_1 text, line_2 text?, district text?, city text, postal_code text, country text, phone_number text"
LEGAL = [f"counterparty_legal_{part}" for part in ADDRESS.replace("line_", "address_line_").split(", ")]

# A question mark allows NULL; the record ids of facts are the warehouse's own.
WAREHOUSE = {
    "dim_date": "date_id date, year integer, month integer, day integer, day_of_week integer, day_name text, "
    "month_name text, quarter integer",
    "dim_staff": "staff_id integer, first_name text, last_name text, department_name text, location text, "
    "email_address text",
    "dim_location": "location_id integer, address_line_1 text, address_line_2 text?, district text?, city text, "
    "postal_code text, country text, phone text",
    "dim_currency": "currency_id integer, currency_code text, currency_name text",
    "dim_design": "design_id integer, design_name text, file_location text, file_name text",
    "dim_counterparty": f"counterparty_id integer, counterparty_legal_name text, {', '.join(LEGAL)}",
    "dim_payment_type": "payment_type_id integer, payment_type_name text",
    "dim_transaction": "transaction_id integer, transaction_type text, sales_order_id integer?, "
    "purchase_order_id integer?",
    "fact_sales_order": f"sales_order_id integer, {STAMPS}sales_staff_id integer, counterparty_id integer, "
    "units_sold integer, unit_price numeric(10,2), currency_id integer, design_id integer, agreed_payment_date date, "
    "agreed_delivery_date date, agreed_delivery_location_id integer",
    "fact_purchase_order": f"purchase_order_id integer, {STAMPS}staff_id integer, counterparty_id integer, "
    "item_code character varying, item_quantity integer, item_unit_price numeric(10,2), currency_id integer, "
    "agreed_delivery_date date, agreed_payment_date date, agreed_delivery_location_id integer",
    "fact_payment": f"payment_id integer, {STAMPS}transaction_id integer, counterparty_id integer, "
    "payment_amount numeric(10,2), currency_id integer, payment_type_id integer, paid boolean, payment_date date",
}
DATES = dict.fromkeys(("created_date", "last_updated_date"), "dim_date")
AGREED = {"agreed_payment_date": "dim_date", "agreed_delivery_date": "dim_date"}
PARTIES = {"counterparty_id": "dim_counterparty", "currency_id": "dim_currency"}
PLACE = {"agreed_delivery_location_id": "dim_location"}
REFERENCES = {
    "fact_sales_order": DATES | AGREED | PARTIES | PLACE | {"sales_staff_id": "dim_staff", "design_id": "dim_design"},
    "fact_purchase_order": DATES | AGREED | PARTIES | PLACE | {"staff_id": "dim_staff"},
    "fact_payment": DATES
    | PARTIES
    | {"transaction_id": "dim_transaction", "payment_type_id": "dim_payment_type", "payment_date": "dim_date"},
}


@pytest.fixture(scope="module")
def tables():
    return {table.name: table for table in check_models(PROJECT, catalogue())}


def test_the_project_reads_the_eleven_tables_and_nothing_else():
    assert set(PROJECT.tables) == set(COLUMNS)


def test_the_project_makes_the_eleven_tables_of_the_reference_warehouse(tables):
    assert set(tables) == set(WAREHOUSE)


@pytest.mark.parametrize("name", WAREHOUSE)
def test_a_table_has_the_reference_columns_in_order(tables, name):
    columns = [f"{c.name} {c.type}{'' if c.not_null else '?'}" for c in tables[name].columns]

    assert columns == WAREHOUSE[name].split(", ")


@pytest.mark.parametrize("name", REFERENCES)
def test_a_fact_references_its_dimensions(tables, name):
    found = {reference.columns[0]: reference.table for reference in tables[name].references}

    assert found == REFERENCES[name]


def test_versions_of_facts_have_the_reference_record_ids(tables):
    ids = {table.name: table.record_id for table in tables.values() if table.kind == "fact"}

    assert ids == {
        "fact_sales_order": "sales_record_id",
        "fact_purchase_order": "purchase_record_id",
        "fact_payment": "payment_record_id",
    }


def test_tables_come_after_what_they_reference(tables):
    order = list(tables)

    for table in tables.values():
        assert all(order.index(reference.table) < order.index(table.name) for reference in table.references)


def test_account_numbers_never_leave_the_source():
    excluded = PROJECT.table_settings("payment").exclude

    assert set(excluded) == {"company_ac_number", "counterparty_ac_number"}
