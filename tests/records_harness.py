"""Tables and files for the tests of what reads dropped files."""

import random
from collections.abc import Iterator, Sequence
from unittest.mock import patch

from transformation.records import text
from transformation.records.read import read_chunks
from utils.file_table import FileColumn, FileTable, Rules
from utils.postgres.names import TableName
from utils.records import Chunk, Rejected, Row


def file_column(name: str, type_: str = "text", *, source: str = "", **more: object) -> FileColumn:
    """Return a column; what is no setting of the column itself is a rule."""
    own = {setting: more.pop(setting) for setting in ("default", "trim", "path") if setting in more}
    return FileColumn(name, type_, source or name, Rules(**more), **own)


def file_table(*columns: str | FileColumn, **more: object) -> FileTable:
    """Return a table, of text columns where only a name is given."""
    made = tuple(file_column(column) if isinstance(column, str) else column for column in columns)
    return FileTable(TableName("public", "reading"), "reading", made, **more)


def read(table: FileTable, body: bytes | str, key: str = "reading/a.csv", cut: int | None = None) -> Chunk:
    """Return a file's chunks as one; `cut` seeds where the blocks end."""
    raw = body if isinstance(body, bytes) else body.encode()
    with patch.object(text, "GROUP_LENGTH", text.GROUP_LENGTH if cut is None else 1 + cut % 40):  # records cross groups
        chunks = list(read_chunks(table, key, [raw] if cut is None else cut_up(raw, cut)))
    parts = ("rows", "lines", "raws", "rejected")
    return Chunk(*([one for chunk in chunks for one in getattr(chunk, part)] for part in parts))


def cut_up(body: bytes, seed: int) -> Iterator[bytes]:
    """Return a body in blocks of random lengths."""
    draw, at = random.Random(seed), 0
    while at < len(body):
        length = draw.choice((1, 2, 3, 7, 50))
        yield body[at : at + length]
        at += length


def rows_of(table: FileTable, body: bytes | str, key: str = "reading/a.csv") -> Sequence[Row]:
    """Return the rows of a file of which none is rejected."""
    chunk = read(table, body, key)
    assert not chunk.rejected
    return chunk.rows


def rejected_of(table: FileTable, body: bytes | str, key: str = "reading/a.csv") -> Rejected:
    """Return the one record that is rejected."""
    (rejected,) = read(table, body, key).rejected
    return rejected
