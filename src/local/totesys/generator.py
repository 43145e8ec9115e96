"""A totesys of any size: the schema, its rows, and the edits that its application makes.

Nothing here reads a clock or draws at random: the same seed gives the same rows on any server.
"""

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import sqrt
from pathlib import Path

from pg8000.native import Connection

FOLDER = Path(__file__).parent
ORDERS = 11_187  # as in November 2024, with the two sizes below
PURCHASES = 4_649
DESIGNS = 473
OFFICE_DAY = 32_400_000  # milliseconds from 08:30 to 17:30
SPAN = 519 * OFFICE_DAY  # 2022-11-04 to 2024-10-31
NEW_SALES = 5
NEW_PURCHASES = 3
LATE_BY = timedelta(minutes=2)


@dataclass(frozen=True)
class EditSummary:
    """What one burst of edits changed, in rows; `stamp` is the last_updated of those that were given one."""

    stamp: datetime
    sales_orders_edited: int
    purchase_orders_edited: int
    designs_edited: int
    payments_paid: int
    sales_orders_added: int
    purchase_orders_added: int
    departments_moved: int
    staff_moved: int
    addresses_edited: int


@dataclass(frozen=True)
class LateCommit:
    """Two new sales orders: one stamped early and still invisible, one stamped later and already committed."""

    late_sales_order_id: int
    prompt_sales_order_id: int


def create_schema(connection: Connection) -> None:
    """Create the eleven tables, empty, and the migrations' own."""
    connection.run(_read("schema.sql"))


def seed(connection: Connection, orders: int = ORDERS, seed: int = 2024) -> None:
    """Fill an empty schema in one transaction, with that many sales orders and all else in proportion."""
    sizes = {
        "sales": orders,
        "purchases": round(orders * PURCHASES / ORDERS),
        # Ten times the orders do not take ten times the designs; an edit needs a second one to change to.
        "designs": max(2, round(DESIGNS * sqrt(orders / ORDERS))),
    }
    connection.run(_read("functions.sql"))
    with _transaction(connection):
        connection.run(_read("set_keys_aside.sql"))
        connection.run(_read("small_tables.sql"))
        for statement in _read_statements("growing_tables.sql").values():
            connection.run(statement, seed=seed, span=SPAN, **sizes)
        connection.run(_read("restore_keys.sql"))


def edit(connection: Connection, seed: int) -> EditSummary:
    """Edit as the application does: orders and designs without touching last_updated, the rest with one stamp."""
    stamp = _read_clock(connection, seed)
    values = {"seed": seed, "stamp": stamp, "sales": NEW_SALES, "purchases": NEW_PURCHASES}
    changed = {}
    for name, statement in _read_statements("edits.sql").items():
        connection.run(statement, **values)
        changed[name] = connection.row_count
    return EditSummary(stamp, **changed)


@contextlib.contextmanager
def late_commit(connect: Callable[[], Connection], seed: int = 0) -> Iterator[LateCommit]:
    """Hold back the commit of an early order until the block ends; a later one commits before the block begins.

    A block that raises rolls the early order back.
    """
    with connect() as late, connect() as prompt:
        stamp = _read_clock(prompt, seed)
        with _transaction(late):
            late_id = _add_sale(late, stamp, seed)
            prompt_id = _add_sale(prompt, stamp + LATE_BY, seed + 1)
            yield LateCommit(late_id, prompt_id)


def _add_sale(connection: Connection, stamp: datetime, seed: int) -> int:
    connection.run(_read("functions.sql"))
    statement = _read_statements("edits.sql")["sales_orders_added"]
    connection.run(statement, seed=seed, stamp=stamp, sales=1)
    return int(connection.run("SELECT currval(pg_get_serial_sequence('sales_order', 'sales_order_id'))")[0][0])


def _read_clock(connection: Connection, seed: int) -> datetime:
    connection.run(_read("functions.sql"))
    stamp: datetime = connection.run(_read("clock.sql"), seed=seed)[0][0]
    return stamp


@contextlib.contextmanager
def _transaction(connection: Connection) -> Iterator[None]:
    connection.run("BEGIN")
    try:
        yield
    except BaseException:
        connection.run("ROLLBACK")
        raise
    connection.run("COMMIT")


def _read(file_name: str) -> str:
    return (FOLDER / file_name).read_text(encoding="utf-8")


def _read_statements(file_name: str) -> dict[str, str]:
    """Return a file's statements by the name in the `-- name --` line above each."""
    _, *parts = re.split(r"^-- (\w+) --$", _read(file_name), flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))
