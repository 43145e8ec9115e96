"""Records of a dropped file on their way from its bytes to its table."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Row = tuple[str | None, ...]
"""A record's values as text, as PostgreSQL reads them, in the order of the table's columns; None is NULL."""


@dataclass(frozen=True)
class Rejected:
    """A record that may not enter the table, and why."""

    line: int  # of the decompressed file where the record starts, from 1; for a JSON array, the element's number
    column: str | None  # None when the record as a whole is wrong
    rule: str  # "type", "required", "minimum", "malformed", "repeated" ...
    reason: str  # a sentence for a person
    raw: str  # the record as it stands in the file


@dataclass(frozen=True)
class Chunk:
    """Some thousand records of a file: those that passed, and those that did not."""

    rows: Sequence[Row]
    lines: Sequence[int]  # of each row, as in Rejected
    raws: Sequence[str]  # each row as it stands in the file, for what only the database can refuse
    rejected: Sequence[Rejected]


@dataclass(frozen=True)
class PlainCopy:
    """A CSV that COPY reads by itself: what its header says, and the bytes after it, as they are."""

    columns: tuple[str, ...]  # of the table, in the file's order
    blocks: Iterator[bytes]  # raises NotPlainError at what COPY would read otherwise than `read_chunks`
    delimiter: str
    quote: str
    null: str
    encoding: str  # PostgreSQL's name for it
