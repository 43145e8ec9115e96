"""Rows that wait for a person or for their parent: set aside from staging, joined again, recorded."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from load.warehouse import staging
from load.warehouse.references import orphans
from load.warehouse.target import Target
from load.warehouse.uniqueness import doubles
from utils.postgres.names import column_list, identifier, literal
from utils.postgres.session import Session

REFUSED = "pg_temp.refused"
CREATE_REFUSED = """
CREATE TEMP TABLE refused (
    model text, key jsonb, rule text, reason text, "row" jsonb, waiting boolean, waited boolean
) ON COMMIT DROP
"""
CREATE_LINES = "CREATE TEMP TABLE lines (line jsonb) ON COMMIT DROP"
TAKE_LINES = """
INSERT INTO pg_temp.refused (model, key, rule, reason, "row", waiting, waited)
SELECT {model}, line -> 'key' || {numbers}, line ->> 'rule', line ->> 'reason', line -> 'row', false, false
FROM pg_temp.lines
"""
# Of these types the transformation writes some values otherwise than PostgreSQL does: 5.0 and inf, and 1.5 for 1.500.
NUMBERS = re.compile(r"real|double precision|numeric\(\d+,\d+\)")
NUMBER = "^[-+0-9.e]+$|^-?inf$|^nan$"
# What is set aside is known by what it holds, not by why: the reason may change while the row waits.
CONTENT = """encode(sha256(convert_to("row"::text, 'UTF8')), 'hex')"""
COUNT = f"""
SELECT count(*) FILTER (WHERE NOT r.waited) AS rows, count(*) FILTER (WHERE q.model IS NULL) AS new
FROM (SELECT DISTINCT ON (model, key, content) * FROM (SELECT *, {CONTENT} AS content FROM pg_temp.refused) f) r
LEFT JOIN starlift.quarantine q USING (model, key, content)
"""
REGISTER = f"""
INSERT INTO starlift.quarantine (model, key, content, rule, reason, "row", batch, waiting)
SELECT DISTINCT ON (model, key, content) model, key, {CONTENT} AS content, rule, reason, "row", :batch, waiting
FROM pg_temp.refused
ON CONFLICT (model, key, content)
    DO UPDATE SET rule = excluded.rule, reason = excluded.reason, waiting = excluded.waiting, batch = excluded.batch
"""
NOT_REFUSED = f"""
NOT EXISTS (
    SELECT FROM (SELECT model, key, {CONTENT} AS content FROM pg_temp.refused) r
    WHERE (r.model, r.key, r.content) = (q.model, q.key, q.content)
)
"""


@dataclass(frozen=True)
class QuarantineCount:
    """How many rows of this batch were set aside, and how many of all that were had not been before."""

    rows: int = 0
    new: int = 0


def create_tables(session: Session) -> None:
    """Create what the batch sets aside in."""
    session.run(CREATE_REFUSED)
    session.run(CREATE_LINES)


def read_models(session: Session) -> frozenset[str]:
    """Return the models that have rows in quarantine."""
    rows = session.run("SELECT DISTINCT model FROM starlift.quarantine")
    return frozenset(row[0] for row in rows or ())


def take_files(session: Session, target: Target, files: staging.Fetched) -> None:
    """Set aside what the transformation has refused."""
    for found in files:
        staging.copy_lines(session, "pg_temp.lines", found)
        session.run(TAKE_LINES.format(model=literal(target.table.name), numbers=_numbers(target)))
        session.run("TRUNCATE pg_temp.lines")


def _numbers(target: Target) -> str:
    """Return the numbers of a refused row's key as PostgreSQL writes them, for keys are compared as text."""
    names = [name for name in target.table.key if NUMBERS.fullmatch(target.types[name])]
    texts = {name: f"(line -> 'key' ->> {literal(name)})" for name in names}
    values = (
        f"CASE WHEN {texts[name]} ~ {literal(NUMBER)} THEN {texts[name]}::{target.types[name]}::text END"
        for name in names
    )
    keys = ", ".join(map(literal, names))
    return f"jsonb_strip_nulls(jsonb_object(ARRAY[{keys}]::text[], ARRAY[{', '.join(values)}]::text[]))"


def rejoin_waiting(session: Session, target: Target) -> None:
    """Stage rows that wait for a parent once more, unless this batch brings a newer word on their key."""
    columns, model = target.columns, literal(target.table.name)
    texts = {name: f'(q."row" ->> {literal(name)})' for name in columns}
    values = ", ".join(f"{texts[name]}::{target.types[name]}" for name in columns)
    # A row from before a required column was added waits on, until its source row comes again.
    required = [f"{texts[column.name]} IS NOT NULL" for column in target.table.columns if column.not_null]
    session.run(
        f"INSERT INTO {target.staging} ({column_list(columns)}, _waited) SELECT {values}, true "
        f"FROM starlift.quarantine q WHERE q.model = {model} AND q.waiting AND {' AND '.join(['true', *required])} "
        f"AND {_not_in_batch(target)}"
    )


def forget_deleted(session: Session, target: Target) -> None:
    """Forget rows that the source no longer has: one that waits for its parent must not come back to life."""
    model, names = literal(target.table.name), target.table.key
    same = [f"p.{identifier(name)} = (q.key ->> {literal(name)})::{target.types[name]}" for name in names]
    known = [f"q.key ->> {literal(name)} IS NOT NULL" for name in names]
    session.run(
        f"DELETE FROM starlift.quarantine q WHERE q.model = {model} AND {' AND '.join(known)} "
        f"AND NOT EXISTS (SELECT FROM {target.present} p WHERE {' AND '.join(same)})"
    )


def _not_in_batch(target: Target) -> str:
    if target.table.load == "replace":
        return "true"
    key = target.table.key
    relations = [f"SELECT {_texts(target, key, 's')} FROM {target.staging} s"]
    relations += [f"SELECT {_texts(target, key, 'g')} FROM {target.gone} g"] if target.table.gone else []
    relations += [f"SELECT key FROM {REFUSED} WHERE model = {literal(target.table.name)}"]
    return f"q.key NOT IN ({' UNION ALL '.join(relations)})"


def _texts(target: Target, names: tuple[str, ...], alias: str) -> str:
    """Return columns as JSON of texts; jsonb_build_object takes no more than fifty of them."""
    keys = ", ".join(literal(name) for name in names)
    values = ", ".join(_text(f"{alias}.{identifier(name)}", target.types[name]) for name in names)
    return f"jsonb_object(ARRAY[{keys}]::text[], ARRAY[{values}]::text[])"


def _text(column: str, kind: str) -> str:
    """Return a value as COPY writes it; a cast of an address to text would add the /32 that COPY leaves out."""
    return f"abbrev({column})" if kind == "inet" else f"{column}::text"


def refuse_rows(session: Session, target: Target) -> None:
    """Set aside rows without their parent, and rows that break a unique test, until none is left.

    Again and again, because a row that is set aside may have been another one's parent, and the version of
    it that stays in the warehouse may hold a value that was thought free.
    """
    while sum(_set_aside(session, target, bad, waiting) for bad, waiting in ((orphans, True), (doubles, False))):
        pass


def _set_aside(
    session: Session, target: Target, bad: Callable[[Target], Iterator[tuple[str, str]]], waiting: bool
) -> int:
    found = 0
    for query, rule in bad(target):
        session.run(
            f"WITH bad AS MATERIALIZED ({query}), aside AS (DELETE FROM {target.staging} s USING bad "
            f"WHERE s.ctid = bad.place RETURNING {_texts(target, target.table.key, 's')} AS key, bad.reason, "
            f'{_texts(target, target.columns, "s")} AS "row", s._waited IS TRUE AS waited) '
            f'INSERT INTO {REFUSED} (model, key, rule, reason, "row", waiting, waited) '
            f'SELECT {literal(target.table.name)}, key, {literal(rule)}, reason, "row", {waiting}, waited FROM aside'
        )
        found += session.row_count
    return found


def register(session: Session, target: Target, known: bool) -> QuarantineCount:
    """Record what this batch set aside of the table, and forget what it brought right or brought anew."""
    if known:
        session.run(_forget(target))
    (count,) = session.rows(COUNT)
    if count["rows"] or count["new"]:
        session.run(REGISTER, batch=target.batch)
    session.run(f"TRUNCATE {REFUSED}")
    return QuarantineCount(count["rows"], count["new"])


def _forget(target: Target) -> str:
    mine = f"DELETE FROM starlift.quarantine q WHERE q.model = {literal(target.table.name)} AND {NOT_REFUSED}"
    if target.table.load == "replace":
        return mine if target.table.rows else f"{mine} AND q.waiting"
    return f"{mine} AND {_names_a_row(target)} AND NOT ({_not_in_batch(target)})"


def _names_a_row(target: Target) -> str:
    """Return the condition that a key is known, or else the source row: without both, it may be another row's."""
    more = f"(SELECT count(*) FROM jsonb_object_keys(q.key)) > {len(target.table.key)}"
    return f"(jsonb_strip_nulls(q.key) = q.key OR {more})"
