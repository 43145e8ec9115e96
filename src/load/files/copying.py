"""Chunks of records into a table by COPY; a record that only PostgreSQL can refuse is found and left out alone."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pg8000.exceptions import DatabaseError

from utils.postgres.names import TableName, column_list
from utils.postgres.session import Session, sqlstate
from utils.records import Chunk, Rejected, Row

NULL = "\\N"
SPECIAL = ("\\", "\t", "\n", "\r")
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
DATA, CONSTRAINT, RAISED = "22", "23", "P0001"  # a value that cannot be, a rule of the table, a trigger's refusal


def is_about_data(error: DatabaseError) -> bool:
    """Tell whether the server refused a value, and not the statement or the moment."""
    state = sqlstate(error)
    return state[:2] in {DATA, CONSTRAINT} or state == RAISED


@dataclass(frozen=True)
class Destination:
    """Where rows are copied to, and what every one of them gets beside the file's columns."""

    table: TableName | None  # None: the staging table
    columns: tuple[str, ...]
    constants: Row = ()

    @property
    def statement(self) -> str:
        """The COPY that takes rows as `encoded` writes them."""
        place = self.table.sql if self.table else "pg_temp.staging"
        return f"COPY {place} ({column_list(self.columns)}) FROM STDIN (FORMAT text, ENCODING 'UTF8')"

    @property
    def where(self) -> re.Pattern[str]:
        """What the server says of the place of an error."""
        name = self.table.table if self.table else "staging"
        return re.compile(rf"^COPY {re.escape(name)}, line (\d+)(?:, column (.*?)(?::|$))?", re.MULTILINE)


def encoded(rows: Sequence[Row], constants: Row = ()) -> bytes:
    """Return rows as COPY's text format has them: a line each, whatever their values hold."""
    if not rows:
        return b""
    tail = "".join(f"\t{NULL if value is None else value.translate(ESCAPES)}" for value in constants) + "\n"
    if _has_special(rows):
        lines = ["\t".join([NULL if v is None else v.translate(ESCAPES) for v in row]) for row in rows]
    else:
        lines = ["\t".join([NULL if v is None else v for v in row]) for row in rows]
    return (tail.join(lines) + tail).encode("utf-8", "surrogatepass")


def _has_special(rows: Sequence[Row]) -> bool:
    """Tell whether a value needs an escape; one look at all of them costs less than one look at each."""
    text = "".join(["".join([value for value in row if value]) for row in rows])
    return any(mark in text for mark in SPECIAL)


def copy_chunk(session: Session, destination: Destination, chunk: Chunk) -> list[Rejected]:
    """Copy a chunk's rows, and return those that PostgreSQL refused.

    A piece that is refused is rolled back alone. The server says at which line it stopped, so the piece before
    it goes next and then that row by itself; where it cannot say, as with foreign keys, the piece is halved.
    """
    refused: list[Rejected] = []
    start, step = 0, len(chunk.rows)
    while start < len(chunk.rows):
        piece = chunk.rows[start : start + step]
        error = _attempt(session, destination, piece)
        if error is None:
            start, step = start + len(piece), step * 2
        elif len(piece) == 1:
            refused.append(_rejected(destination, chunk, start, error))
            start += 1
        else:
            step = _good_part(destination, error, len(piece))
    return refused


def _attempt(session: Session, destination: Destination, rows: Sequence[Row]) -> DatabaseError | None:
    session.run("SAVEPOINT chunk")
    try:
        session.copy_in(destination.statement, [encoded(rows, destination.constants)])
    except DatabaseError as error:
        if not is_about_data(error):
            raise
        session.run("ROLLBACK TO SAVEPOINT chunk")
        return error
    session.run("RELEASE SAVEPOINT chunk")
    return None


def _good_part(destination: Destination, error: DatabaseError, size: int) -> int:
    """Return how many of the piece's rows to try next: those before the one at fault, or that one alone."""
    found = destination.where.search(_context(error))
    if found and 1 <= int(found[1]) <= size:
        return max(int(found[1]) - 1, 1)
    return size // 2


def _context(error: DatabaseError) -> str:
    return str(error.args[0].get("W", ""))


def _rejected(destination: Destination, chunk: Chunk, place: int, error: DatabaseError) -> Rejected:
    found = destination.where.search(_context(error))
    column = error.args[0].get("c") or (found[2] if found else None)
    return reject(error, chunk.lines[place], column, chunk.raws[place])


def reject(error: DatabaseError, line: int, column: str | None, raw: str) -> Rejected:
    """Return the record with PostgreSQL's reason."""
    report = error.args[0]
    said = "; ".join(report[part] for part in ("M", "D") if report.get(part))
    rule = "type" if sqlstate(error).startswith(DATA) else "constraint"
    return Rejected(line, column, rule, f"PostgreSQL refused it: {said}.", raw)
