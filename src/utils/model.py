"""Models: what each says of its warehouse table."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from utils.errors import ModelError
from utils.postgres.names import parse_table_name

LATEST, VERSIONS = "latest", "versions"
CALENDAR = "calendar"  # the driving relation of a calendar: one row a day, in the column `date`


@dataclass(frozen=True)
class Lookup:
    """A many-to-one join: each row of `parent` finds at most one row of a table or lookup file.

    Empty `on` and `key` mean the source's own foreign key from parent to table.
    """

    alias: str
    parent: str  # alias of the driving table or of an earlier lookup
    table: str | None
    file: str | None
    on: tuple[str, ...]
    key: tuple[str, ...]


@dataclass(frozen=True)
class ModelReference:
    """Columns of this model that hold another model's key."""

    columns: tuple[str, ...]
    table: str


@dataclass(frozen=True)
class Tests:
    """Conditions that each output row must meet, or go to quarantine."""

    not_null: tuple[str, ...] = ()  # ("*",) means every column
    accepted: tuple[tuple[str, tuple[Any, ...]], ...] = ()
    range: tuple[tuple[str, Any, Any], ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Model:
    """One model file: its header, and its body as text."""

    path: Path
    name: str  # the warehouse table's
    kind: str
    key: tuple[str, ...]
    driving: str | None  # None for a calendar
    lookups: tuple[Lookup, ...]
    references: tuple[ModelReference, ...]
    tests: Tests
    types: tuple[tuple[str, str], ...]  # PostgreSQL types of columns whose type cannot be derived
    record_id: str | None
    load: str
    history: str  # of a dimension: "latest" keeps one row a key, "versions" all that there were beside it
    text: str  # the whole file
    body: str  # what follows the header
    body_line: int  # line of the file at which the body starts, counted from 1

    @property
    def alias(self) -> str:
        """The name by which the body calls the driving row."""
        return alias_of(self.driving)

    def error(self, message: str, near: str = "") -> ModelError:
        """Return an error that names the file and the header line that mentions `near`."""
        line = line_of(self.text, near)
        return ModelError(f"{self.path}:{line}: {self.name} {message}.", file=str(self.path), line=line)


def alias_of(driving: str | None) -> str:
    """Return the table's own part of `schema.table`, as the body calls it."""
    return parse_table_name(driving, "").table if driving else CALENDAR


def line_of(text: str, near: str) -> int:
    """Return the line that sets `near`, else the first that mentions it, else 1."""
    lines = list(enumerate(text.split("\n"), 1))
    word = rf"(?<!\w){re.escape(near)}(?!\w)"
    for pattern in (rf"\s*[\"']?{word}[\"']?\s*=", rf".*{word}"):
        for number, line in lines:
            if near and re.match(pattern, line):
                return number
    return 1
