"""The generated totesys against section by section of what the real one is known to hold and do."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict
from datetime import date, time
from typing import Any
from urllib.parse import urlsplit

import pytest
from pg8000.exceptions import DatabaseError
from pg8000.native import Connection

from local.totesys import generator

SIZES = {
    "address": 30,
    "counterparty": 20,
    "currency": 3,
    "department": 8,
    "design": 473,
    "payment": 15_836,
    "payment_type": 4,
    "purchase_order": 4_649,
    "sales_order": 11_187,
    "staff": 20,
    "transaction": 15_836,
}
PARENTS = {
    "counterparty": {"address"},
    "payment": {"counterparty", "currency", "payment_type", "transaction"},
    "purchase_order": {"address", "counterparty", "currency", "staff"},
    "sales_order": {"address", "counterparty", "currency", "design", "staff"},
    "staff": {"department"},
    "transaction": {"purchase_order", "sales_order"},
}
CATALOGUE = """
    SELECT conrelid::regclass::text, conname::text, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT table_name, column_name, concat_ws(' ', ordinal_position, udt_name, is_nullable, column_default,
        character_maximum_length, numeric_precision, numeric_scale, datetime_precision)
    FROM information_schema.columns WHERE table_schema = 'public'
    ORDER BY 1, 2, 3
"""


def connect(url: str) -> Connection:
    parts = urlsplit(url)
    return Connection(parts.username, parts.hostname, parts.path[1:], parts.port)


@pytest.fixture(scope="module")
def seeded_database(postgres_server: Any) -> Iterator[str]:
    """Return the name of a database of November 2024's size, to be copied and left alone."""
    name = f"totesys_{os.getpid()}"
    with closing(connect(postgres_server.url("postgres"))) as server:
        server.run(f"CREATE DATABASE {name} TEMPLATE template0")
        with closing(connect(postgres_server.url(name))) as connection:
            generator.create_schema(connection)
            generator.seed(connection)
        yield name
        server.run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def source_url(make_database: Callable[..., str], seeded_database: str) -> str:
    return make_database(seeded_database)


@pytest.fixture
def source(source_url: str) -> Iterator[Connection]:
    with closing(connect(source_url)) as connection:
        yield connection


@pytest.fixture
def make_source(make_database: Callable[..., str]) -> Iterator[Callable[..., Connection]]:
    """Return a function that generates a totesys of its own."""
    connections = []

    def make(orders: int = 300, seed: int = 2024) -> Connection:
        connections.append(connect(make_database()))
        generator.create_schema(connections[-1])
        generator.seed(connections[-1], orders, seed)
        return connections[-1]

    yield make
    for connection in connections:
        connection.close()


def one(connection: Connection, query: str, **values: object) -> Any:
    return connection.run(query, **values)[0][0]


def count(connection: Connection, table: str) -> int:
    return one(connection, f"SELECT count(*) FROM {table}")


def rows(connection: Connection, table: str) -> dict[int, dict[str, Any]]:
    found = connection.run(f"SELECT * FROM {table}")
    names = [column["name"] for column in connection.columns]
    named = [dict(zip(names, row, strict=True)) for row in found]
    return {row[f"{table}_id"]: row for row in named}


def snapshot(connection: Connection) -> dict[str, dict[int, dict[str, Any]]]:
    return {table: rows(connection, table) for table in SIZES}


Edited = list[tuple[dict[str, Any], dict[str, Any]]]


def edited(before: dict[int, dict[str, Any]], after: dict[int, dict[str, Any]]) -> Edited:
    return [(row, after[key]) for key, row in before.items() if after[key] != row]


def changed_columns(pairs: Edited) -> set[str]:
    return {name for old, new in pairs for name in old if old[name] != new[name]}


def added(before: dict[int, Any], after: dict[int, Any]) -> set[int]:
    return set(after) - set(before)


def test_the_sizes_are_those_of_november_2024(source: Connection) -> None:
    assert {table: count(source, table) for table in SIZES} == SIZES


def test_orders_scale_everything_that_grows_and_designs_less_than_orders(make_source: Any) -> None:
    source = make_source(orders=1_000)

    sizes = {table: count(source, table) for table in SIZES}
    assert sizes == SIZES | {
        "design": 141,
        "sales_order": 1_000,
        "purchase_order": 416,
        "payment": 1_416,
        "transaction": 1_416,
    }


def test_a_totesys_of_one_order_can_be_seeded_and_edited(make_source: Any) -> None:
    source = make_source(orders=1)

    summary = generator.edit(source, seed=1)

    assert (summary.sales_orders_edited, summary.purchase_orders_edited, summary.sales_orders_added) == (1, 0, 5)


def test_seeding_leaves_the_schema_as_it_was(make_database: Any, source: Connection) -> None:
    with closing(connect(make_database())) as empty:
        generator.create_schema(empty)
        created = empty.run(CATALOGUE)

    assert source.run(CATALOGUE) == created


def test_every_table_has_its_columns_in_the_order_of_the_dump(source: Connection) -> None:
    design = source.run(
        "SELECT column_name FROM information_schema.columns WHERE table_name = 'design' ORDER BY ordinal_position"
    )
    tables = source.run("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")

    assert [name for (name,) in design] == [
        "design_id",
        "created_at",
        "design_name",
        "file_location",
        "file_name",
        "last_updated",
    ]
    assert {name for (name,) in tables} == {*SIZES, "_prisma_migrations"}


@pytest.mark.parametrize("table", PARENTS)
def test_every_table_refers_to_its_parents(source: Connection, table: str) -> None:
    parents = source.run(
        "SELECT confrelid::regclass::text, confupdtype::text || confdeltype::text FROM pg_constraint "
        "WHERE contype = 'f' AND conrelid = :child::regclass",
        child=table,
    )

    on_delete = "n" if table == "transaction" else "r"
    assert sorted(parents) == [[parent, f"c{on_delete}"] for parent in sorted(PARENTS[table])]


def test_a_seed_that_fails_leaves_the_source_as_it_was(source: Connection) -> None:
    schema = source.run(CATALOGUE)

    with pytest.raises(DatabaseError):
        generator.seed(source)

    assert source.run(CATALOGUE) == schema
    assert {table: count(source, table) for table in SIZES} == SIZES


def test_the_same_seed_gives_the_same_rows_in_another_database(make_source: Any) -> None:
    first, second = make_source(), make_source()
    summaries = [generator.edit(first, seed=7), generator.edit(second, seed=7)]

    assert summaries[0] == summaries[1]
    assert snapshot(first) == snapshot(second)


def test_the_rows_do_not_depend_on_the_session(make_source: Any, make_database: Any) -> None:
    plain = make_source()
    with closing(connect(make_database())) as foreign:
        foreign.run("SET DateStyle = 'German'; SET TimeZone = 'Asia/Tokyo'; SET IntervalStyle = 'iso_8601'")
        generator.create_schema(foreign)
        generator.seed(foreign, 300)
        foreign.run("SET DateStyle = 'ISO'")

        assert snapshot(foreign) == snapshot(plain)


@pytest.mark.parametrize("table", ["design", "sales_order", "purchase_order", "payment"])
def test_another_seed_gives_other_rows(make_source: Any, table: str) -> None:
    assert rows(make_source(seed=1), table) != rows(make_source(seed=2), table)


@pytest.mark.parametrize(
    "trap",
    [
        "FROM staff WHERE last_name = 'O''Keefe' AND email_address LIKE '%o''keefe@terrifictotes.example'",
        "FROM department JOIN staff USING (department_id) WHERE location = 'Leds'",
        "FROM address JOIN counterparty ON legal_address_id = address_id WHERE address_line_2 IS NULL",
        "FROM address JOIN counterparty ON legal_address_id = address_id WHERE district IS NULL",
        "FROM address WHERE address_line_2 IS NOT NULL AND district IS NOT NULL",
        "FROM counterparty WHERE commercial_contact IS NULL",
        "FROM sales_order a JOIN sales_order b ON b.sales_order_id > a.sales_order_id AND b.created_at < a.created_at",
        "FROM payment WHERE payment_id <> transaction_id",
        "FROM payment WHERE NOT paid AND created_at < '2023-01-01'",
        "FROM purchase_order WHERE item_code LIKE '0%'",
        "FROM purchase_order WHERE item_code ~ '^\\d+$'",
        "FROM purchase_order WHERE item_code ~ '^\\d+E\\d+$'",
        "FROM sales_order WHERE extract(milliseconds FROM created_at)::int % 1000 <> 0",
        "FROM _prisma_migrations",
    ],
)
def test_the_trap_is_there(source: Connection, trap: str) -> None:
    assert one(source, f"SELECT count(*) {trap}") > 0


@pytest.mark.parametrize(
    "impossible",
    [
        "FROM sales_order WHERE units_sold NOT BETWEEN 1000 AND 100000 OR unit_price NOT BETWEEN 2 AND 4",
        "FROM purchase_order WHERE item_quantity NOT BETWEEN 1 AND 1000 OR item_unit_price NOT BETWEEN 3 AND 1000",
        "FROM payment WHERE payment_amount NOT BETWEEN 1 AND 1000000",
        "FROM payment WHERE company_ac_number || '-' || counterparty_ac_number !~ '^\\d{8}-\\d{8}$'",
        "FROM payment WHERE last_updated < created_at OR NOT paid AND last_updated <> created_at",
        "FROM sales_order JOIN design USING (design_id) WHERE design.created_at > sales_order.created_at",
        "FROM sales_order WHERE agreed_delivery_date || agreed_payment_date !~ '^(\\d{4}-\\d\\d-\\d\\d){2}$'",
        "FROM sales_order WHERE least(agreed_delivery_date, agreed_payment_date)::date <= created_at::date",
        "FROM purchase_order WHERE least(agreed_delivery_date, agreed_payment_date)::date <= created_at::date",
    ],
)
def test_no_row_is_out_of_range(source: Connection, impossible: str) -> None:
    assert one(source, f"SELECT count(*) {impossible}") == 0


@pytest.mark.parametrize("table", SIZES)
def test_every_time_is_in_office_hours_of_the_two_years(source: Connection, table: str) -> None:
    for column in ("created_at", "last_updated"):
        times = [row[column] for row in rows(source, table).values()]

        assert date(2022, 11, 3) <= min(times).date() <= max(times).date() <= date(2024, 10, 31)
        assert all(time(8, 30) <= moment.time() <= time(17, 30) and moment.isoweekday() <= 5 for moment in times)


def test_up_to_37_payments_share_one_last_updated(source: Connection) -> None:
    assert one(source, "SELECT max(n) FROM (SELECT count(*) AS n FROM payment GROUP BY last_updated) AS shared") == 37


def test_every_order_has_one_transaction_and_one_payment_of_its_amount(source: Connection) -> None:
    billed = """
        SELECT count(*) FROM {order} JOIN transaction USING ({order}_id) JOIN payment USING (transaction_id)
        WHERE transaction_type = '{kind}' AND payment_amount = {amount}
            AND payment.counterparty_id = {order}.counterparty_id AND payment.currency_id = {order}.currency_id
            AND payment_date = agreed_payment_date AND payment_type_id IN {types}
    """

    sale = {"order": "sales_order", "kind": "SALE", "amount": "units_sold * unit_price", "types": "(1, 2)"}
    purchase = {
        "order": "purchase_order",
        "kind": "PURCHASE",
        "amount": "item_quantity * item_unit_price",
        "types": "(3, 4)",
    }
    assert one(source, billed.format(**sale)) == SIZES["sales_order"]
    assert one(source, billed.format(**purchase)) == SIZES["purchase_order"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE sales_order SET design_id = 99999 WHERE sales_order_id = 1",
        "DELETE FROM address WHERE address_id = 1",
        "UPDATE payment SET transaction_id = 5 WHERE payment_id = 1",
        "UPDATE transaction SET sales_order_id = 5 WHERE transaction_id = 1",
    ],
)
def test_a_statement_that_breaks_a_key_is_refused(source: Connection, statement: str) -> None:
    with pytest.raises(DatabaseError, match="violates"):
        source.run(statement)


def test_deleting_an_order_unsets_its_transaction(source: Connection) -> None:
    source.run("DELETE FROM sales_order WHERE sales_order_id = 1")

    assert one(source, "SELECT sales_order_id FROM transaction WHERE transaction_id = 1") is None


@pytest.mark.parametrize("table", SIZES)
def test_sequences_go_on_where_the_seed_ended(source: Connection, table: str) -> None:
    assert (
        one(source, "SELECT nextval(pg_get_serial_sequence(:table, :column))", table=table, column=f"{table}_id")
        == SIZES[table] + 1
    )


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("sales_order", {"staff_id", "design_id", "agreed_delivery_date", "agreed_delivery_location_id"}),
        ("purchase_order", {"staff_id", "item_code", "agreed_delivery_date", "agreed_delivery_location_id"}),
        ("design", {"file_location"}),
    ],
)
def test_edits_of_orders_and_designs_leave_last_updated_alone(
    source: Connection, table: str, columns: set[str]
) -> None:
    before = rows(source, table)

    summary = generator.edit(source, seed=1)

    pairs = edited(before, rows(source, table))
    assert changed_columns(pairs) == columns
    assert len(pairs) == asdict(summary)[f"{table}s_edited"] > 10


def test_payments_are_paid_in_bulk_with_one_last_updated(source: Connection) -> None:
    before = rows(source, "payment")

    summary = generator.edit(source, seed=1)

    pairs = edited(before, rows(source, "payment"))
    assert changed_columns(pairs) == {"paid", "last_updated"}
    assert {(old["paid"], new["paid"], new["last_updated"]) for old, new in pairs} == {(False, True, summary.stamp)}
    assert 20 <= len(pairs) == summary.payments_paid <= 37


def test_new_orders_come_with_their_transaction_and_payment(source: Connection) -> None:
    before = snapshot(source)

    summary = generator.edit(source, seed=1)

    after = snapshot(source)
    sales, purchases, bills, payments = (
        added(before[table], after[table]) for table in ("sales_order", "purchase_order", "transaction", "payment")
    )
    assert (len(sales), len(purchases)) == (summary.sales_orders_added, summary.purchase_orders_added) == (5, 3)
    assert {after["transaction"][key]["sales_order_id"] for key in bills} == sales | {None}
    assert {after["transaction"][key]["purchase_order_id"] for key in bills} == purchases | {None}
    assert {after["payment"][key]["transaction_id"] for key in payments} == bills
    assert all(after["sales_order"][key]["created_at"] >= summary.stamp for key in sales)


def test_one_department_with_staff_moves_and_one_person_changes_department(source: Connection) -> None:
    before = snapshot(source)

    generator.edit(source, seed=1)

    after = snapshot(source)
    departments = edited(before["department"], after["department"])
    people = edited(before["staff"], after["staff"])
    assert changed_columns(departments) == {"department_name", "location", "last_updated"}
    assert departments[0][0]["department_id"] in {row["department_id"] for row in before["staff"].values()}
    assert changed_columns(people) == {"department_id", "last_updated"}
    assert (len(departments), len(people)) == (1, 1)


def test_one_legal_address_of_a_counterparty_is_edited(source: Connection) -> None:
    before = rows(source, "address")

    generator.edit(source, seed=1)

    [(_, address)] = edited(before, rows(source, "address"))
    assert address["address_id"] in {row["legal_address_id"] for row in rows(source, "counterparty").values()}


def test_every_burst_is_later_than_all_before_it_and_in_office_hours(source: Connection) -> None:
    latest = "SELECT greatest((SELECT max(last_updated) FROM payment), (SELECT max(created_at) FROM sales_order))"

    for seed in range(40):
        last = one(source, latest)
        stamp = generator.edit(source, seed).stamp

        assert stamp > last
        assert time(8, 30) <= stamp.time() <= time(17, 30)
        assert stamp.isoweekday() <= 5


def test_a_late_commit_shows_after_an_order_stamped_later(source_url: str, source: Connection) -> None:
    visible = "SELECT sales_order_id, last_updated FROM sales_order WHERE sales_order_id > :last ORDER BY 1"

    with generator.late_commit(lambda: connect(source_url)) as orders:
        during = source.run(visible, last=SIZES["sales_order"])
    after = source.run(visible, last=SIZES["sales_order"])

    assert [key for key, _ in during] == [orders.prompt_sales_order_id]
    assert [key for key, _ in after] == [orders.late_sales_order_id, orders.prompt_sales_order_id]
    assert after[0][1] < during[0][1]


def test_edits_go_on_while_a_commit_is_late(source_url: str, source: Connection) -> None:
    source.run("SET lock_timeout = '1s'")

    with generator.late_commit(lambda: connect(source_url)):
        stamps = [generator.edit(source, seed).stamp for seed in (1, 2)]

    assert stamps == sorted(stamps)


def test_a_late_commit_whose_block_raises_is_rolled_back(source_url: str, source: Connection) -> None:
    with pytest.raises(KeyError):
        with generator.late_commit(lambda: connect(source_url)) as orders:
            raise KeyError

    assert orders.late_sales_order_id not in rows(source, "sales_order")
    assert orders.prompt_sales_order_id in rows(source, "sales_order")
