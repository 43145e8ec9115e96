"""A file's rows in a temporary table, compared with each other and with the table by key, and then written."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pg8000.exceptions import DatabaseError

from load.files.copying import Destination, is_about_data, reject
from load.files.target import Target
from utils.postgres.names import column_list, identifier, literal
from utils.postgres.session import Session
from utils.records import Chunk, Rejected

STAGING = "pg_temp.staging"
LINE, RAW = "_starlift_line", "_starlift_raw"
FETCH = 2000  # rejected rows at a time
FETCH_BYTES = 4 << 20  # of them, as they stand in the file
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('starlift table ' || :name, 0))"
SET_LOCK_TIMEOUT = "SELECT set_config('lock_timeout', :value, true)"

Reject = Callable[[Sequence[Rejected]], None]


@dataclass(frozen=True)
class Merged:
    """What became of the staged rows."""

    copied: int
    repeated: int


def create(session: Session, target: Target) -> Destination:
    """Create the staging table, and return where to copy to."""
    session.run(
        f"CREATE TEMP TABLE staging ON COMMIT DROP AS SELECT {column_list(target.columns)}, "
        f"NULL::bigint AS {LINE}, NULL::text AS {RAW} FROM {target.sql} WITH NO DATA"
    )
    return Destination(None, (*target.columns, LINE, RAW))


def staged(chunk: Chunk) -> Chunk:
    """Return the chunk with each row's place and text as two more values."""
    raws = (raw.replace("\0", "") for raw in chunk.raws)  # which no text of PostgreSQL holds
    rows = [(*row, str(line), raw) for row, line, raw in zip(chunk.rows, chunk.lines, raws, strict=True)]
    return Chunk(rows, chunk.lines, chunk.raws, ())


def merge(session: Session, target: Target, add: Reject, patience: float) -> Merged:
    """Set aside rows by key, make room, and write the rest; files of one table take turns here."""
    _take_turn(session, target, patience)
    target.remove_earlier(session)  # in this turn: rows deleted while the file is read would hold up others' merges
    session.run(f"ANALYZE {STAGING}")
    repeated = _set_repeated_aside(session, target, add)
    if target.replaces_partition:
        _delete_partitions(session, target)
    if target.refuses_known:
        known = f"EXISTS (SELECT FROM {target.sql} t WHERE {target.same_key('t', 's')})"
        _reject_rows(session, f"SELECT s.ctid AS place, {LINE}, {RAW} FROM {STAGING} s WHERE {known}", add, KNOWN)
    copied = int(session.value(f"SELECT count(*) FROM {STAGING}"))
    return Merged(copied - _write(session, target, add), repeated)


def _take_turn(session: Session, target: Target, patience: float) -> None:
    """Wait longer than for other locks: who gives up here has read its file for nothing."""
    usual = session.value("SELECT current_setting('lock_timeout')")
    session.run(SET_LOCK_TIMEOUT, value=f"{patience * 1000:.0f}ms")
    session.run(LOCK, name=target.sql)
    session.run(SET_LOCK_TIMEOUT, value=usual)


REPEATED = "An earlier row of the file has the same key."
KNOWN = "The table has a row of this key already."


def _set_repeated_aside(session: Session, target: Target, add: Reject) -> int:
    if not target.table.key or not (target.refuses_repeated or target.upserts):
        return 0
    order = "ASC" if target.refuses_repeated else "DESC"
    complete = " AND ".join(f"{identifier(name)} IS NOT NULL" for name in target.table.key)
    later = (
        f"SELECT place, {LINE}, {RAW} FROM (SELECT ctid AS place, {LINE}, {RAW}, row_number() OVER "
        f"(PARTITION BY {column_list(target.table.key)} ORDER BY {LINE} {order}) AS place_in_key "
        f"FROM {STAGING} WHERE {complete}) q WHERE place_in_key > 1"
    )
    if target.refuses_repeated:
        _reject_rows(session, later, add, REPEATED)
        return 0
    session.run(f"DELETE FROM {STAGING} s USING ({later}) d WHERE s.ctid = d.place")
    return session.row_count


def _reject_rows(session: Session, query: str, add: Reject, reason: str) -> None:
    """Take the rows of a query out of the staging table and reject them, some thousand at a time."""
    session.run("DROP TABLE IF EXISTS pg_temp.refused")
    session.run(f"CREATE TEMP TABLE refused ON COMMIT DROP AS {query}")
    session.run(f"DELETE FROM {STAGING} s USING pg_temp.refused d WHERE s.ctid = d.place")
    session.run(f"DECLARE refused_rows NO SCROLL CURSOR FOR SELECT {LINE}, {RAW} FROM pg_temp.refused ORDER BY {LINE}")
    longest = session.value(f"SELECT max(octet_length({RAW})) FROM pg_temp.refused") or 1
    for rows in _fetched(session, max(1, min(FETCH, FETCH_BYTES // longest))):
        add([Rejected(line, None, "repeated", reason, raw) for line, raw in rows])
    session.run("CLOSE refused_rows")


def _fetched(session: Session, count: int) -> Iterator[list[list[Any]]]:
    while rows := session.run(f"FETCH {count} FROM refused_rows"):
        yield rows


def _delete_partitions(session: Session, target: Target) -> None:
    columns = target.table.replace_by
    same = " AND ".join(f"t.{identifier(name)} IS NOT DISTINCT FROM s.{identifier(name)}" for name in columns)
    session.run(
        f"DELETE FROM {target.sql} t USING (SELECT DISTINCT {column_list(columns)} FROM {STAGING}) s WHERE {same}"
    )


def _write(session: Session, target: Target, add: Reject) -> int:
    """Write every staged row, and return how many PostgreSQL refused; a range that is refused is halved."""
    bounds = session.run(f"SELECT min({LINE}), max({LINE}) FROM {STAGING}") or [[None, None]]
    waiting = [(bounds[0][0], bounds[0][1])] if bounds[0][0] is not None else []
    refused, is_indexed = 0, False
    while waiting:
        low, high = waiting.pop()
        error = _attempt(session, target, low, high)
        if error is None:
            continue
        if not is_indexed:
            session.run(f"CREATE INDEX ON {STAGING} ({LINE})")
            is_indexed = True
        if low == high:
            refused += _reject_line(session, low, error, add)
        else:
            middle = (low + high) // 2
            waiting += [(middle + 1, high), (low, middle)]
    return refused


def _attempt(session: Session, target: Target, low: int, high: int) -> DatabaseError | None:
    rows = f"{LINE} BETWEEN {low} AND {high}"
    session.run("SAVEPOINT rows")
    try:
        for statement in _statements(target, rows):
            session.run(statement)
    except DatabaseError as error:
        if not is_about_data(error):
            raise
        session.run("ROLLBACK TO SAVEPOINT rows")
        return error
    session.run("RELEASE SAVEPOINT rows")
    return None


def _reject_line(session: Session, line: int, error: DatabaseError, add: Reject) -> int:
    rows = session.run(f"SELECT {RAW} FROM {STAGING} WHERE {LINE} = :line", line=line) or []
    add([reject(error, line, error.args[0].get("c"), raw) for (raw,) in rows])
    return len(rows)


def _statements(target: Target, rows: str) -> Iterator[str]:
    columns, values = target.columns, [identifier(name) for name in target.columns]
    names = column_list(columns)
    if target.table.file_column:
        names += f", {identifier(target.table.file_column)}"
        values.append(literal(target.file))
    known = f" AND NOT EXISTS (SELECT FROM {target.sql} t WHERE {target.same_key('t', 's')})" if target.upserts else ""
    if target.upserts and (assigned := _assigned(target)):
        yield f"UPDATE {target.sql} t SET {assigned} FROM {STAGING} s WHERE {target.same_key('t', 's')} AND s.{rows}"
    yield f"INSERT INTO {target.sql} ({names}) SELECT {', '.join(values)} FROM {STAGING} s WHERE s.{rows}{known}"


def _assigned(target: Target) -> str:
    """Return what a row of the table takes over from the file's row of its key."""
    others = [name for name in target.columns if name not in target.table.key]
    assigned = [f"{identifier(name)} = s.{identifier(name)}" for name in others]
    if target.table.file_column:
        assigned.append(f"{identifier(target.table.file_column)} = {literal(target.file)}")
    return ", ".join(assigned)
