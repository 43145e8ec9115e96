"""The merge: staged rows into their table, equal ones skipped, older batches never winning."""

from pg8000.exceptions import DatabaseError

from load.warehouse import sql
from load.warehouse.session import named_duplicates
from load.warehouse.target import Target
from utils.deletes import FEW, too_many_deletes
from utils.errors import IntegrityError, TooManyDeletesError
from utils.manifest import WarehouseTable
from utils.postgres.session import Session, sqlstate

FOREIGN_KEY = "23503"


def merge_rows(session: Session, target: Target) -> int:
    """Merge the staged rows and return how many were inserted or updated."""
    with named_duplicates(target.table.name):
        if target.table.load == "replace":
            return _replace(session, target)
        statements = sql.append_versions(target) if target.keeps_versions else sql.upsert(target)
        return _run_counted(session, statements)


def has_gone(table: WarehouseTable) -> bool:
    """Tell whether a batch may take rows of the table out of force."""
    return bool(table.gone or table.present)


def take_out(session: Session, target: Target, accepted: frozenset[str]) -> int:
    """Take out of force what the model no longer yields and what the source no longer has; return how many rows."""
    if target.table.present:
        _find_deleted(session, target, accepted)
    session.run(sql.keep_brought(target))
    return close_gone(session, target)


def _find_deleted(session: Session, target: Target, accepted: frozenset[str]) -> None:
    """Add the rows that the source no longer has to those that are gone, unless they are suspiciously many."""
    session.run(sql.find_deleted(target))
    deleted = session.row_count
    share = target.table.max_deleted_share
    if deleted <= FEW or share is None or target.table.source in accepted:
        return
    live = int(session.value(f"SELECT count(*) FROM {target.name} t WHERE {target.live('t')}"))
    if too_many_deletes(deleted, live, share):
        remedy = f"run once with --accept-deletes {target.table.source}"
        raise TooManyDeletesError(
            f"{deleted:,} of {live:,} rows of {target.table.name} are no longer in the source's {target.table.source}; "
            f"deletes_max_share allows {share:.0%} at once. If they were meant to go, {remedy}. "
            f"If not, put the rows back in the source first, then {remedy} all the same: "
            "the batch marks them deleted and the next brings them back.",
            table=target.table.name,
            deleted=deleted,
        )


def close_gone(session: Session, target: Target) -> int:
    """Close the versions of keys that are gone, mark rows of dimensions, and return how many there were."""
    statement = sql.close_versions(target) if target.keeps_versions else sql.mark_deleted(target)
    return _run_counted(session, ((statement, True),))


def _run_counted(session: Session, statements: sql.Statements) -> int:
    """Run statements in order and return the rows written by those that count."""
    written = 0
    for statement, counts in statements:
        session.run(statement)
        written += session.row_count if counts else 0
    return written


def _replace(session: Session, target: Target) -> int:
    """Put the staged rows in place of all others, unless they are the same ones."""
    if not target.table.rows:  # only rows that waited for a parent: they join the rest
        return _run_counted(session, ((sql.insert_whole(target), True),))
    if not session.value(sql.is_different(target)):
        return 0
    session.run("SET CONSTRAINTS ALL DEFERRED")
    loaded = _run_counted(session, ((f"DELETE FROM {target.name}", False), (sql.insert_whole(target), True)))
    try:
        session.run("SET CONSTRAINTS ALL IMMEDIATE")
    except DatabaseError as error:
        if sqlstate(error) != FOREIGN_KEY:
            raise
        raise IntegrityError(
            f"{target.table.name} is replaced as a whole, and now lacks a row that another table refers to. "
            'Give its model a key and load = "merge", so that rows no longer in it are kept and marked.',
            table=target.table.name,
        ) from error
    return loaded


def count_late(session: Session, target: Target) -> int:
    """Return how many merged rows the cursor column alone would have missed: late ones that were not equal."""
    if target.table.load == "replace" or not session.value(sql.has_late(target)):
        return 0
    return int(session.value(sql.count_late(target)))
