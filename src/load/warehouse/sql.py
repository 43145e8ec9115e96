"""The statements of the merge. Each compares columns one by one: a hash may change with the engine's version."""

from collections.abc import Iterable

from load.warehouse.target import Target
from utils.postgres.names import column_list, identifier

Statements = Iterable[tuple[str, bool]]
"""Statements in order, each with whether the rows it writes count as loaded."""


def append_versions(target: Target) -> Statements:
    """Yield what gives a fact a new version where it differs from its current one.

    First the version that is over stops being current; then every staged key without a current version gets
    one. So the unique index on current versions is never broken, not even for a moment.
    """
    columns = column_list(target.columns)
    missing = ""
    if not target.is_new:
        if target.added:
            yield _fill_added(target), True
        yield (
            f"UPDATE {target.name} t SET {target.over} FROM {target.staging} s WHERE t.{target.current} "
            f"AND {target.same_key('t', 's')} AND (t._deleted OR {target.differs('t', 's')}) "
            f"AND t._batch < {target.batch}",
            False,
        )
        missing = f" WHERE {_unknown(target, f't.{target.current} AND ')}"
    system = target.version(deleted=False)
    yield (
        f"INSERT INTO {target.name} ({columns}, {', '.join(system)}) "
        f"SELECT {column_list(target.columns, 's')}, {', '.join(system.values())} FROM {target.staging} s{missing}",
        True,
    )


def _fill_added(target: Target) -> str:
    """Return what fills new columns in place where nothing else changed: a new column is no new version.

    Only of versions older than the column, whose value was never looked at; a null in a newer one is a value.
    """
    known = [name for name in target.columns if name not in target.added]
    values = ", ".join(f"{identifier(name)} = s.{identifier(name)}" for name in target.added)
    fitting = " AND ".join(
        f"(t._batch < {batch} AND t.{identifier(name)} IS NULL OR NOT ({target.differs('t', 's', [name])}))"
        for name, batch in target.added.items()
    )
    return (
        f"UPDATE {target.name} t SET {values} FROM {target.staging} s WHERE {target.live('t')} "
        f"AND {target.same_key('t', 's')} AND NOT ({target.differs('t', 's', known)}) AND {fitting} "
        f"AND ({target.differs('t', 's', target.added)})"
    )


def _unknown(target: Target, current: str = "") -> str:
    return f"NOT EXISTS (SELECT FROM {target.name} t WHERE {current}{target.same_key('t', 's')})"


def upsert(target: Target) -> Statements:
    """Yield what keeps a dimension's latest version; a join leaves equal rows alone, ON CONFLICT would lock each."""
    columns = column_list(target.columns)
    missing = ""
    if not target.is_new:
        named = [name for name in target.columns if name not in target.table.key]
        values = "".join(f"{identifier(name)} = s.{identifier(name)}, " for name in named)
        yield (
            f"UPDATE {target.name} t SET {values}_batch = {target.batch}, _deleted = false FROM {target.staging} s "
            f"WHERE {target.same_key('t', 's')} AND t._batch < {target.batch} "
            f"AND (t._deleted OR {target.differs('t', 's')})",
            True,
        )
        missing = f" WHERE {_unknown(target)}"
    yield (
        f"INSERT INTO {target.name} ({columns}, _batch, _deleted) "
        f"SELECT {column_list(target.columns, 's')}, {target.batch}, false FROM {target.staging} s{missing}",
        True,
    )


def keep_brought(target: Target) -> str:
    """Return what takes keys that the batch also brings off those that are gone."""
    return f"DELETE FROM {target.gone} g USING {target.staging} s WHERE {target.same_key('s', 'g')}"


def close_versions(target: Target) -> str:
    """Return what gives keys that are gone a closing version: their last content, deleted."""
    columns, system = column_list(target.columns), target.version(deleted=True)
    return (
        f"WITH closed AS (UPDATE {target.name} t SET {target.over} FROM {target.gone} g WHERE {target.live('t')} "
        f"AND {target.same_key('t', 'g')} AND t._batch < {target.batch} RETURNING {column_list(target.columns, 't')}) "
        f"INSERT INTO {target.name} ({columns}, {', '.join(system)}) "
        f"SELECT {columns}, {', '.join(system.values())} FROM closed"
    )


def mark_deleted(target: Target) -> str:
    """Return what marks rows of a dimension that are gone; facts may still refer to them."""
    return (
        f"UPDATE {target.name} t SET _deleted = true, _batch = {target.batch} FROM {target.gone} g "
        f"WHERE {target.live('t')} AND {target.same_key('t', 'g')} AND t._batch < {target.batch}"
    )


def find_deleted(target: Target) -> str:
    """Return what adds to the keys that are gone those in force that the source no longer has."""
    key = column_list(target.table.key)
    return (
        f"INSERT INTO {target.gone} ({key}) SELECT {column_list(target.table.key, 't')} FROM {target.name} t "
        f"WHERE {target.live('t')} AND NOT EXISTS (SELECT FROM {target.present} p WHERE {target.same_key('p', 't')})"
    )


def is_different(target: Target) -> str:
    """Return the question whether the staged rows are others than the table's, or occur another number of times."""
    columns = ", ".join(target.value("x", name) for name in target.columns)
    held, staged = (f"SELECT {columns} FROM {name} x" for name in (target.name, target.staging))
    return f"SELECT EXISTS ({held} EXCEPT ALL {staged}) OR EXISTS ({staged} EXCEPT ALL {held})"


def insert_whole(target: Target) -> str:
    """Return what inserts the staged rows into a table that is replaced as a whole."""
    columns = column_list(target.columns)
    return f"INSERT INTO {target.name} ({columns}, _batch) SELECT {columns}, {target.batch} FROM {target.staging}"


def has_late(target: Target) -> str:
    """Return the question whether any staged row is late."""
    return f"SELECT EXISTS (SELECT FROM {target.staging} WHERE _late)"


def count_late(target: Target) -> str:
    """Return the count of late rows that this batch wrote."""
    merged = f"SELECT FROM {target.name} t WHERE {target.same_key('t', 's')} AND t._batch = {target.batch}"
    return f"SELECT count(*) FROM {target.staging} s WHERE s._late AND EXISTS ({merged})"
