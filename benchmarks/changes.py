"""Changes applied set by set against row by row: changes a second for full batches, bytes of a position."""

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

TARGET_ROWS = 1_000_000
BATCH = 10_000  # the most that Lambda hands over at once
REPEATS = 5
POISON = 5_000  # the place of a value that does not cast
CREATE = """
CREATE TABLE orders (id bigint PRIMARY KEY, customer integer NOT NULL, item text, amount numeric(12, 2),
    ordered_at timestamptz, note text)
"""
FILL = f"""
INSERT INTO orders SELECT i, i % 5000, 'item ' || i % 100, i % 1000 / 7.0, now() - i * interval '1 second', 'as it was'
FROM generate_series(1, {TARGET_ROWS}) i
"""
UPSERT = """
INSERT INTO orders (id, customer, item, amount, ordered_at, note)
VALUES (CAST(:id AS bigint), CAST(:customer AS integer), :item, CAST(:amount AS numeric),
    CAST(:ordered_at AS timestamptz), :note)
ON CONFLICT (id) DO UPDATE SET customer = excluded.customer, item = excluded.item, amount = excluded.amount,
    ordered_at = excluded.ordered_at, note = excluded.note
"""
CLAIM = """
INSERT INTO starlift.applied_changes AS a (series, key, version, sequence, deleted)
VALUES (1, :key, :version, :sequence, :deleted) ON CONFLICT (series, key) DO UPDATE
SET version = excluded.version, sequence = excluded.sequence, deleted = excluded.deleted
WHERE (a.version, a.sequence) < (excluded.version, excluded.sequence) RETURNING 1
"""
SIZE = """
SELECT pg_total_relation_size('starlift.applied_changes') / greatest(count(*), 1) FROM starlift.applied_changes
"""


def main() -> None:
    """Print what docs/performance.md quotes of applying changes."""
    from load.changes.ports import Ports
    from load.changes.wiring import TARGET
    from local.postgres.embedded import embedded_postgres
    from utils.export_table import ExportTable
    from utils.folder_store import FolderStore
    from utils.postgres.connection import connect
    from utils.postgres.names import TableName
    from utils.postgres.url import parse_url

    table = ExportTable("orders", ("id",), TableName("public", "orders"))
    with embedded_postgres() as server, connect(parse_url(server.url("postgres")), TARGET) as session:
        for statement in (CREATE, FILL, "VACUUM ANALYZE orders"):
            session.run(statement)
        ports = Ports(session, {"orders": table}, FolderStore(Path("/nonexistent")))
        print(f"batches of {BATCH:,} changes, 8 of 10 updates, into {TARGET_ROWS:,} rows; medians of {REPEATS}")
        _measure(session, ports)


def _measure(session: Any, ports: Any) -> None:
    batches = [_records(order) for order in range(1, REPEATS + 1)]
    sets, again = (median(_timed(_apply, ports, batch) for batch in batches) for _ in range(2))
    poisoned = _timed(_apply, ports, _records(REPEATS + 1, POISON), POISON)
    rows = median(_timed(_row_by_row, session, order) for order in range(REPEATS + 2, REPEATS + 5))
    print(f"set by set                     {BATCH / sets:9,.0f} changes/s  {sets:6.2f} s")
    print(f"the same delivered again       {BATCH / again:9,.0f} changes/s  {again:6.2f} s")
    print(f"up to a bad value at {POISON:,}                           {poisoned:6.2f} s")
    print(f"row by row                     {BATCH / rows:9,.0f} changes/s  {rows:6.2f} s  {rows / sets:.0f} times ours")
    session.run("VACUUM FULL starlift.applied_changes")
    print(f"a key's position takes {session.value(SIZE)} bytes with its index")


def _timed(work: Any, *arguments: Any) -> float:
    begun = time.monotonic()
    work(*arguments)
    return time.monotonic() - begun


def _records(order: int, poison: int | None = None) -> list[dict[str, Any]]:
    found = list(_changes(order))
    if poison is not None:
        found[poison]["after"] = {**found[poison]["after"], "amount": "none"}  # an INSERT's row
    return [
        {"kinesis": {"sequenceNumber": str(place), "data": base64.b64encode(json.dumps(change).encode()).decode()}}
        for place, change in enumerate(found)
    ]


def _apply(ports: Any, records: list[dict[str, Any]], poison: int | None = None) -> None:
    from load.changes.pipeline import apply_records

    refused = apply_records(records, ports).refused
    if (refused.number if refused else None) != (None if poison is None else str(poison)):
        raise AssertionError(refused)


def _changes(order: int) -> Iterator[dict[str, Any]]:
    """Yield a batch as one of several shards gets it: keys in order, with gaps."""
    for place in range(BATCH):
        key = str(place * 97 + order) if place % 10 else str(TARGET_ROWS + order * BATCH + place)
        op = "DELETE" if place % 10 == 5 else "UPDATE" if place % 10 else "INSERT"
        row = {"id": key, "customer": str(place % 5000), "item": f"item {place % 100}", "amount": f"{place % 1000}.25"}
        row |= {"ordered_at": "2024-05-01 10:00:00+00", "note": f"as version {order} has it"}
        values = {"key": {"id": key}, "before": row if op != "INSERT" else None, "after": row}
        yield {"op": op, "tenant": "acme", "table": "orders", "version": str(order), "order": order} | {
            **values,
            "sequence": place + 1,
            "after": None if op == "DELETE" else row,
        }


def _row_by_row(session: Any, order: int) -> None:
    session.run("BEGIN")
    for change in _changes(order):
        key, row = change["key"]["id"], change["after"]
        if not session.run(CLAIM, key=key, version=order, sequence=change["sequence"], deleted=row is None):
            continue
        if row is None:
            session.run("DELETE FROM orders WHERE id = CAST(:id AS bigint)", id=key)
        else:
            session.run(UPSERT, **row)
    session.run("COMMIT")


if __name__ == "__main__":
    main()
