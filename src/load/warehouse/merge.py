"""The merge: staged rows into their table, equal ones skipped, older batches never winning."""

from load.warehouse.ports import Session
from load.warehouse.schema import Target
from load.warehouse.staging import staging_name
from utils.postgres.names import column_list, identifier


def merge(session: Session, target: Target, batch: int) -> int:
    """Merge the staged rows and return how many were inserted or updated."""
    if target.table.load == "replace":
        return _replace(session, target, batch)
    if target.table.kind == "fact":
        return _append_versions(session, target, batch)
    return _upsert(session, target, batch)


def _append_versions(session: Session, target: Target, batch: int) -> int:
    """Give a fact a new version where it differs from its current one."""
    stage, columns = staging_name(target.table.name), target.columns
    unknown = ""
    if not target.is_new:
        _fill_added(session, target)
        session.run(
            f"UPDATE {target.name.sql} t SET _current = false FROM {stage} s WHERE t._current "
            f"AND {target.same_key('t', 's')} AND (t._deleted OR {target.differs('t', 's')}) AND t._batch < {batch}"
        )
        same = f"t._current AND {target.same_key('t', 's')}"
        unknown = f" WHERE NOT EXISTS (SELECT FROM {target.name.sql} t WHERE {same})"
    session.run(
        f"INSERT INTO {target.name.sql} ({column_list(columns)}, _batch, _current, _deleted) "
        f"SELECT {column_list(columns, 's')}, {batch}, true, false FROM {stage} s{unknown}"
    )
    return session.row_count


def _fill_added(session: Session, target: Target) -> None:
    """Fill new columns in place where nothing else changed: a new column is no new version."""
    if not target.added:
        return
    known = [name for name in target.columns if name not in target.added]
    values = ", ".join(f"{identifier(name)} = s.{identifier(name)}" for name in target.added)
    session.run(
        f"UPDATE {target.name.sql} t SET {values} FROM {staging_name(target.table.name)} s WHERE t._current "
        f"AND NOT t._deleted AND {target.same_key('t', 's')} AND NOT ({target.differs('t', 's', known)})"
    )


def _upsert(session: Session, target: Target, batch: int) -> int:
    """Keep a dimension's latest version."""
    stage, columns = staging_name(target.table.name), target.columns
    rows = f"SELECT {column_list(columns, 's')}, {batch}, false FROM {stage} s"
    insert = f"INSERT INTO {target.name.sql} AS t ({column_list(columns)}, _batch, _deleted) {rows}"
    if not target.is_new:
        values = ", ".join(f"{identifier(name)} = excluded.{identifier(name)}" for name in columns)
        insert += (
            f" ON CONFLICT ({column_list(target.table.key)}) DO UPDATE SET {values}, _batch = excluded._batch, "
            f"_deleted = false WHERE t._batch < excluded._batch AND (t._deleted OR {target.differs('t', 'excluded')})"
        )
    session.run(insert)
    return session.row_count


def _replace(session: Session, target: Target, batch: int) -> int:
    """Put the staged rows in place of all others, unless they are the same ones."""
    stage = staging_name(target.table.name)
    columns = ", ".join(target.comparable("x", name) for name in target.columns)
    held, staged = (f"SELECT {columns} FROM {name} x" for name in (target.name.sql, stage))
    differs = f"EXISTS ({held} EXCEPT ALL {staged}) OR EXISTS ({staged} EXCEPT ALL {held})"
    if not session.value(f"SELECT {differs}"):
        return 0
    session.run(f"DELETE FROM {target.name.sql}")
    names = column_list(target.columns)
    session.run(f"INSERT INTO {target.name.sql} ({names}, _batch) SELECT {names}, {batch} FROM {stage}")
    return session.row_count


def close_gone(session: Session, target: Target, gone: str, batch: int) -> int:
    """Give facts that are gone a closing version, mark dimensions, and return how many there were."""
    live = f"{target.same_key('t', 'g')} AND NOT t._deleted"
    if target.table.kind != "fact":
        session.run(f"UPDATE {target.name.sql} t SET _deleted = true, _batch = {batch} FROM {gone} g WHERE {live}")
        return session.row_count
    columns = column_list(target.columns)
    session.run(
        f"WITH closed AS (UPDATE {target.name.sql} t SET _current = false FROM {gone} g WHERE t._current AND {live} "
        f"RETURNING {column_list(target.columns, 't')}) "
        f"INSERT INTO {target.name.sql} ({columns}, _batch, _current, _deleted) "
        f"SELECT {columns}, {batch}, true, true FROM closed"
    )
    return session.row_count


def count_late(session: Session, target: Target, batch: int) -> int:
    """Return how many merged rows the cursor column alone would have missed: late ones that were not equal."""
    stage = staging_name(target.table.name)
    if target.table.load == "replace" or not session.value(f"SELECT EXISTS (SELECT FROM {stage} WHERE _late)"):
        return 0
    merged = f"SELECT FROM {target.name.sql} t WHERE {target.same_key('t', 's')} AND t._batch = {batch}"
    return int(session.value(f"SELECT count(*) FROM {stage} s WHERE s._late AND EXISTS ({merged})"))
