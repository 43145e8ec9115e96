"""How each table is read in this batch: a pure decision over the last manifest and today's catalogue."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from extraction.database.closure import Condition
from extraction.database.sql import cursor_since, written_since
from utils.manifest import Snapshot, SourceTable
from utils.project import Project


@dataclass(frozen=True)
class Start:
    """Where a batch begins."""

    number: int
    predecessor: str | None
    base: int  # of the batch before
    before: Mapping[str, SourceTable]  # the last manifest's tables
    since: Snapshot | None  # rows written at or after its horizon have changed; None reads everything
    whole: frozenset[str] = frozenset()  # tables to read whole whatever changed
    supersedes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Reading:
    """One table in this batch: carried over from the last manifest, and the condition for a changed row."""

    table: SourceTable
    changed: Condition | None  # None reads it whole
    definition_changed: bool


def plan_table(now: SourceTable, start: Start, project: Project) -> Reading:
    """Return how to read one table.

    A table is read whole when it is new, named for it, or has columns whose values no batch holds yet:
    adding a column with a default, or retyping one, leaves no trace in the rows' xmin that tells old from new.
    """
    before = start.before.get(now.name)
    if before is None:
        return Reading(replace(now, whole=True), None, definition_changed=True)
    known = {(column.name, column.type) for column in before.columns}
    new_values = any((column.name, column.type) not in known for column in now.columns)
    mark = before.high_water_mark if before.cursor == now.cursor and not new_values else None
    carried = replace(now, high_water_mark=mark, previous_high_water_mark=mark, content=before.content)
    definition_changed = _definition(now) != _definition(before)
    if start.since is None or now.name in start.whole or new_values or before.mode != now.mode:
        return Reading(replace(carried, whole=True), None, definition_changed)
    return Reading(carried, _changed(carried, start.since, project), definition_changed)


def _changed(table: SourceTable, since: Snapshot, project: Project) -> Condition | None:
    if table.mode != "overlap":
        return lambda alias: written_since(since.horizon, alias)
    if table.high_water_mark is None:
        return None
    mark, overlap = table.high_water_mark, project.table_settings(table.name).overlap_seconds
    return lambda alias: cursor_since(table, mark, overlap, alias)


def _definition(table: SourceTable) -> tuple[object, ...]:
    return table.columns, table.primary_key, table.unique_keys, table.foreign_keys, table.mode


def always(_alias: str) -> str:
    """Return the condition of a table that is read whole: every row counts as changed."""
    return "true"
