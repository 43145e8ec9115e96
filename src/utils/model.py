"""Model headers: what a model says of its warehouse table, in TOML at the top of its file."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from utils.errors import ModelError

KINDS = ("dimension", "fact", "calendar")
KEYS = {"kind", "key", "driving", "lookups", "references", "tests", "types", "record_id", "load", "history"}
LATEST, VERSIONS = "latest", "versions"
LOOKUP_KEYS = {"table", "file", "from", "on", "key"}
TEST_KEYS = {"not_null", "accepted", "range", "unique"}
CALENDAR = "calendar"  # the driving relation of a calendar: one row a day, in the column `date`

_SQL_HEADER = re.compile(r"\A\s*/\*(.*?)\*/", re.DOTALL)
_PYTHON_HEADER = re.compile(r'\A\s*"""(.*?)"""', re.DOTALL)


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
        return _alias(self.driving)

    def error(self, message: str, near: str = "") -> ModelError:
        """Return an error that names the file and the header line that mentions `near`."""
        line = _line_of(self.text, near)
        return ModelError(f"{self.path}:{line}: {self.name} {message}.", file=str(self.path), line=line)


def _line_of(text: str, near: str) -> int:
    """Return the line that sets `near`, else the first that mentions it, else 1."""
    lines = list(enumerate(text.split("\n"), 1))
    word = rf"(?<!\w){re.escape(near)}(?!\w)"
    for pattern in (rf"\s*[\"']?{word}[\"']?\s*=", rf".*{word}"):
        for number, line in lines:
            if near and re.match(pattern, line):
                return number
    return 1


def read_model(path: Path) -> Model:
    """Read a model file's header, or raise ModelError that names the file and line."""
    text = path.read_text(encoding="utf-8")
    found = (_SQL_HEADER if path.suffix == ".sql" else _PYTHON_HEADER).match(text)
    if found is None:
        opening = "a /* ... */ comment" if path.suffix == ".sql" else "a docstring"
        raise ModelError(
            f'{path}:1: a model starts with {opening} that holds its header in TOML: kind = "dimension" ...'
        )
    header = _read_header(path, found.group(1), text[: found.start(1)].count("\n"))
    return _Reader(path, text, header).model(found.end())


def _read_header(path: Path, header: str, lines_before: int) -> dict[str, Any]:
    try:
        return tomllib.loads(header)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        line = lines_before + (int(found.group(1)) if found else 1)
        raise ModelError(f"{path}:{line}: the header is not TOML: {error}") from error


def _alias(driving: str | None) -> str:
    """Return the table's own part of `schema.table`, as the body calls it."""
    return (driving or CALENDAR).rpartition(".")[2].strip('"')


@dataclass(frozen=True)
class _Reader:
    """Turns one header's TOML into a Model, naming the line of whatever is wrong."""

    path: Path
    text: str
    header: dict[str, Any]

    def model(self, header_end: int) -> Model:
        self._known(self.header, KEYS, "header")
        kind = self._one_of("kind", KINDS, None)
        driving = self.header.get("driving")
        self._refuse(kind != CALENDAR and not driving, "needs driving, the source table whose rows it follows", "kind")
        self._refuse(kind == CALENDAR and driving, "is a calendar and so has no driving table", "driving")
        load = self._one_of("load", ("merge", "replace"), "merge")
        key = self._names("key", self.header.get("key", ()))
        self._refuse(not key and load == "merge", 'needs key, or load = "replace" if its table has none', "kind")
        self._refuse(kind == "fact" and load == "replace", 'keeps versions and so cannot be load = "replace"', "load")
        history = self._one_of("history", (LATEST, VERSIONS), LATEST)
        merged = kind == "dimension" and load == "merge"
        self._refuse(
            history == VERSIONS and not merged, "has history, which only a dimension with a key has", "history"
        )
        return Model(
            path=self.path,
            name=self.path.stem,
            kind=kind,
            key=key,
            driving=driving,
            lookups=self._lookups(driving),
            references=self._references(),
            tests=self._tests(),
            types=tuple(self.header.get("types", {}).items()),
            record_id=self._record_id(kind),
            load=load,
            history=history,
            text=self.text,
            body=self.text[header_end:],
            body_line=self.text[:header_end].count("\n") + 1,
        )

    def _record_id(self, kind: str) -> str | None:
        given = self.header.get("record_id")
        self._refuse(given and kind != "fact", "has record_id, which only facts have", "record_id")
        return str(given or f"{self.path.stem}_record_id") if kind == "fact" else None

    def _lookups(self, driving: str | None) -> tuple[Lookup, ...]:
        known = {_alias(driving)}
        lookups = []
        for alias, record in self.header.get("lookups", {}).items():
            lookup = self._lookup(alias, record, driving)
            self._refuse(alias in known, f"has two relations called {alias}", alias)
            self._refuse(
                lookup.parent not in known, f"looks up {alias} from {lookup.parent}, which is not above it", alias
            )
            known.add(alias)
            lookups.append(lookup)
        return tuple(lookups)

    def _lookup(self, alias: str, record: Any, driving: str | None) -> Lookup:
        self._refuse(not isinstance(record, dict), f"needs lookups.{alias} to be a table, such as {{}}", alias)
        self._known(record, LOOKUP_KEYS, f"lookups.{alias}")
        file, table = record.get("file"), record.get("table")
        self._refuse(file and table, f"has lookups.{alias} with both a table and a file", alias)
        self._refuse(file and not record.get("on"), f"needs on for lookups.{alias}: a file has no foreign key", alias)
        on = self._names(alias, record.get("on", ()))
        key = self._names(alias, record.get("key", on if file else ()))
        self._refuse(on and key and len(on) != len(key), f"joins {alias} by {len(on)} columns to {len(key)}", alias)
        parent = record.get("from", _alias(driving))
        return Lookup(alias, parent, None if file else table or alias, file, on, key)

    def _references(self) -> tuple[ModelReference, ...]:
        found = self.header.get("references", {})
        return tuple(
            ModelReference(tuple(part.strip() for part in columns.split(",")), str(table))
            for columns, table in found.items()
        )

    def _tests(self) -> Tests:
        record = self.header.get("tests", {})
        self._known(record, TEST_KEYS, "tests")
        for column, bounds in record.get("range", {}).items():
            self._refuse(not isinstance(bounds, list) or len(bounds) != 2, f"needs two bounds for {column}", column)
        not_null = record.get("not_null", ())
        return Tests(
            not_null=self._names("not_null", not_null),
            accepted=tuple((column, tuple(values)) for column, values in record.get("accepted", {}).items()),
            range=tuple((column, low, high) for column, (low, high) in record.get("range", {}).items()),
            unique=tuple(self._names("unique", columns) for columns in record.get("unique", ())),
        )

    def _names(self, near: str, value: Any) -> tuple[str, ...]:
        names = (value,) if isinstance(value, str) else tuple(value)
        self._refuse(
            not all(isinstance(name, str) and name for name in names), f"has a {near} that is not a name", near
        )
        return names

    def _one_of(self, name: str, allowed: tuple[str, ...], default: str | None) -> str:
        value = self.header.get(name, default)
        self._refuse(value not in allowed, f"needs {name} to be one of {', '.join(allowed)}", name)
        return str(value)

    def _known(self, record: dict[str, Any], known: set[str], where: str) -> None:
        unknown = sorted(set(record) - known)
        if unknown:
            self._refuse(
                True, f"has an unknown {unknown[0]!r} in {where}; known are {', '.join(sorted(known))}", unknown[0]
            )

    def _refuse(self, wrong: object, message: str, near: str) -> None:
        if not wrong:
            return
        line = _line_of(self.text, near)
        raise ModelError(f"{self.path}:{line}: {self.path.stem} {message}.", file=str(self.path), line=line)
