"""How each table is read in this batch: a pure decision over the last manifest and today's catalogue."""

from dataclasses import dataclass, replace

from extraction.database.closure import Condition
from extraction.database.named_rows import either, named
from extraction.database.sql import cursor_since, held_in, written_since
from extraction.database.start import Start
from utils.manifest import Snapshot, SourceTable
from utils.project import Project


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
    Nor does putting a table in another's place, or attaching a partition: what these hold may be older than the
    last batch.
    """
    before = start.before.get(now.name)
    if before is None:
        return Reading(replace(now, whole=True), None, definition_changed=True)
    definition_changed = _definition(now) != _definition(before)
    mark = before.high_water_mark if _cursor(now) == _cursor(before) else None
    carried = replace(
        now,
        high_water_mark=mark,
        previous_high_water_mark=mark,
        content=before.content,
        keys_content=before.keys_content,
    )
    changed = _changed(carried, start.since, project) if start.since else None
    if changed is None or now.name in start.whole or _holds_unread_values(now, before):
        return Reading(replace(carried, whole=True), None, definition_changed)
    if before.parts and (attached := set(now.parts) - set(before.parts)):
        changed = either(changed, lambda alias: held_in(attached, alias))
    if again := start.rows.get(now.name):
        changed = either(changed, named(now, again))
    return Reading(carried, changed, definition_changed)


def _holds_unread_values(now: SourceTable, before: SourceTable) -> bool:
    known = {(column.name, column.type) for column in before.columns}
    unread = any((column.name, column.type) not in known for column in now.columns)
    return unread or _is_another(now, before) or (now.mode, now.primary_key) != (before.mode, before.primary_key)


def _is_another(now: SourceTable, before: SourceTable) -> bool:
    return bool(before.parts) and not set(now.parts) & set(before.parts)


def _cursor(table: SourceTable) -> tuple[str, str] | None:
    return next(((column.name, column.type) for column in table.columns if column.name == table.cursor), None)


def _changed(table: SourceTable, since: Snapshot, project: Project) -> Condition | None:
    if table.mode != "overlap":
        return lambda alias: written_since(since.horizon, alias)
    return recent(table, project) if table.high_water_mark is not None else None


def recent(table: SourceTable, project: Project) -> Condition:
    """Return the condition for rows of a view from some time before its high-water mark."""
    mark, overlap = str(table.high_water_mark), project.table_settings(table.name).overlap_seconds
    return lambda alias: cursor_since(table, mark, overlap, alias)


def _definition(table: SourceTable) -> tuple[object, ...]:
    return table.columns, table.primary_key, table.unique_keys, table.foreign_keys, table.mode, table.cursor


def always(_alias: str) -> str:
    """Return the condition of a table that is read whole: every row counts as changed."""
    return "true"
