"""What the log remembers of the source's schema."""

from collections.abc import Iterator
from dataclasses import dataclass

from utils.batch_log import LandingLog
from utils.manifest import SourceTable
from utils.open_store import below, open_store


@dataclass(frozen=True)
class SchemaChange:
    """One change of a source table, and the batch that first saw it."""

    batch: int
    table: str
    text: str


def schema_history(store: str) -> list[SchemaChange]:
    """Return every change of the source's tables, oldest first; the first batch names them all."""
    log = LandingLog(open_store(below(store, "landing")))
    known: dict[str, SourceTable] = {}
    changes: list[SchemaChange] = []
    for number in range(1, log.newest() + 1):
        tables = {table.name: table for table in log.read(number).manifest.tables}
        for name in sorted(known.keys() | tables.keys()):
            changes += [SchemaChange(number, name, text) for text in _differences(known.get(name), tables.get(name))]
        known = tables
    return changes


def _differences(before: SourceTable | None, after: SourceTable | None) -> Iterator[str]:
    if before is None or after is None:
        columns = ", ".join(f"{column.name} {column.declared}" for column in after.columns) if after else ""
        yield f"tracked: {columns}" if after else "no longer tracked"
        return
    old = {column.name: column.declared for column in before.columns}
    new = {column.name: column.declared for column in after.columns}
    yield from (f"column {name} {new[name]} added" for name in new if name not in old)
    yield from (f"column {name} dropped" for name in old if name not in new)
    yield from (f"column {name}: {old[name]} -> {new[name]}" for name in new if old.get(name, new[name]) != new[name])
    if before.primary_key != after.primary_key:
        yield f"primary key: {', '.join(before.primary_key) or 'none'} -> {', '.join(after.primary_key) or 'none'}"
