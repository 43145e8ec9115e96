"""The totesys source's eleven tables as a landing manifest describes them, and one sound row of each."""

from collections.abc import Mapping
from dataclasses import replace

from tests.factories import Source, foreign_key, source
from utils.manifest import SourceTable

STAMP = "timestamp(3) without time zone"
STAMPS = {"created_at": STAMP, "last_updated": STAMP}
MONEY = "numeric(10,2)"
MOMENT = "2022-11-03 14:20:52.186"

COLUMNS: Mapping[str, Mapping[str, str]] = {
    "address": {
        "address_id": "integer",
        "address_line_1": "text",
        "address_line_2": "text",
        "district": "text",
        "city": "text",
        "postal_code": "text",
        "country": "text",
        "phone": "text",
        **STAMPS,
    },
    "counterparty": {
        "counterparty_id": "integer",
        "counterparty_legal_name": "text",
        "legal_address_id": "integer",
        "commercial_contact": "text",
        "delivery_contact": "text",
        **STAMPS,
    },
    "currency": {"currency_id": "integer", "currency_code": "character varying(3)", **STAMPS},
    "department": {
        "department_id": "integer",
        "department_name": "text",
        "location": "text",
        "manager": "text",
        **STAMPS,
    },
    "design": {
        "design_id": "integer",
        "created_at": STAMP,
        "design_name": "text",
        "file_location": "text",
        "file_name": "text",
        "last_updated": STAMP,
    },
    "payment": {  # without its account numbers, which pipeline.toml excludes
        "payment_id": "integer",
        **STAMPS,
        "transaction_id": "integer",
        "counterparty_id": "integer",
        "payment_amount": MONEY,
        "currency_id": "integer",
        "payment_type_id": "integer",
        "paid": "boolean",
        "payment_date": "text",
    },
    "payment_type": {"payment_type_id": "integer", "payment_type_name": "text", **STAMPS},
    "purchase_order": {
        "purchase_order_id": "integer",
        **STAMPS,
        "staff_id": "integer",
        "counterparty_id": "integer",
        "item_code": "text",
        "item_quantity": "integer",
        "item_unit_price": MONEY,
        "currency_id": "integer",
        "agreed_delivery_date": "text",
        "agreed_payment_date": "text",
        "agreed_delivery_location_id": "integer",
    },
    "sales_order": {
        "sales_order_id": "integer",
        **STAMPS,
        "design_id": "integer",
        "staff_id": "integer",
        "counterparty_id": "integer",
        "units_sold": "integer",
        "unit_price": MONEY,
        "currency_id": "integer",
        "agreed_delivery_date": "text",
        "agreed_payment_date": "text",
        "agreed_delivery_location_id": "integer",
    },
    "staff": {
        "staff_id": "integer",
        "first_name": "text",
        "last_name": "text",
        "department_id": "integer",
        "email_address": "text",
        **STAMPS,
    },
    "transaction": {
        "transaction_id": "integer",
        "transaction_type": "text",
        "sales_order_id": "integer",
        "purchase_order_id": "integer",
        **STAMPS,
    },
}
FOREIGN_KEYS = {
    "counterparty": {"legal_address_id": "address"},
    "payment": {
        "transaction_id": "transaction",
        "counterparty_id": "counterparty",
        "currency_id": "currency",
        "payment_type_id": "payment_type",
    },
    "purchase_order": {
        "staff_id": "staff",
        "counterparty_id": "counterparty",
        "currency_id": "currency",
        "agreed_delivery_location_id": "address",
    },
    "sales_order": {
        "design_id": "design",
        "staff_id": "staff",
        "counterparty_id": "counterparty",
        "currency_id": "currency",
        "agreed_delivery_location_id": "address",
    },
    "staff": {"department_id": "department"},
    "transaction": {"sales_order_id": "sales_order", "purchase_order_id": "purchase_order"},
}
TEXTS = {
    "currency_code": "GBP",
    "payment_type_name": "SALES_RECEIPT",
    "transaction_type": "SALE",
    "last_name": "O'Keefe",
    "email_address": "bill.o'keefe@terrifictotes.com",
    "address_line_2": None,
    "district": None,
    "payment_date": "2022-11-04",
    "agreed_delivery_date": "2022-11-09",
    "agreed_payment_date": "2022-11-07",
}
BY_TYPE = {"integer": "1", "text": "a text", MONEY: "3.94", "boolean": "f", STAMP: MOMENT}


def table(name: str) -> Source:
    """Return one of the eleven tables, empty."""
    keys = tuple(foreign_key(column, parent, f"{parent}_id") for column, parent in FOREIGN_KEYS.get(name, {}).items())
    return source(name, COLUMNS[name], foreign_keys=keys, mode="changes", cursor="last_updated")


def row(name: str, **changes: object) -> tuple[object, ...]:
    """Return a sound row, as COPY would write it."""
    values = {column: TEXTS.get(column, BY_TYPE.get(kind, "a text")) for column, kind in COLUMNS[name].items()}
    return tuple((values | changes).values())


def catalogue() -> dict[str, SourceTable]:
    return {name: table(name).table for name in COLUMNS}


def landed(**changed: list[tuple[object, ...]]) -> list[Source]:
    """Return all eleven tables, holding the given changed rows."""
    return [table(name).holding(*changed.get(name, ())) for name in COLUMNS]


def whole(**changed: list[tuple[object, ...]]) -> list[Source]:
    """Return all eleven tables read in full, one row each where nothing else is given."""
    sources = landed(**{name: changed.get(name, [row(name)]) for name in COLUMNS})
    return [replace(part, table=replace(part.table, whole=True)) for part in sources]
