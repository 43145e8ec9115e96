"""Model headers: TOML at the top of a model's file, read and checked."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from utils.errors import ConfigurationError, ModelError
from utils.model import CALENDAR, LATEST, VERSIONS, Lookup, Model, ModelReference, Tests, alias_of, line_of
from utils.project_file import read_text

KINDS = ("dimension", "fact", "calendar")
KEYS = {"kind", "key", "driving", "lookups", "references", "tests", "types", "record_id", "load", "history"}
LOOKUP_KEYS = {"table", "file", "from", "on", "key"}
TEST_KEYS = {"not_null", "accepted", "range", "unique"}

_SQL_HEADER = re.compile(r"\A\s*/\*(.*?)\*/", re.DOTALL)
_PYTHON_HEADER = re.compile(r'\A\s*"""(.*?)"""', re.DOTALL)


def read_model(path: Path) -> Model:
    """Read a model file's header, or raise ModelError that names the file and line."""
    text = read_text(path, path.parent)
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


@dataclass(frozen=True)
class _Reader:
    """Turns one header's TOML into a Model, naming the line of whatever is wrong."""

    path: Path
    text: str
    header: dict[str, Any]

    def model(self, header_end: int) -> Model:
        self._known(self.header, KEYS, "header")
        kind = self._one_of("kind", KINDS, None)
        driving = self._driving()
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
            types=tuple((name, str(self._text(name, kind))) for name, kind in self._section("types").items()),
            record_id=self._record_id(kind),
            load=load,
            history=history,
            text=self.text,
            body=self.text[header_end:],
            body_line=self.text[:header_end].count("\n") + 1,
        )

    def _driving(self) -> str | None:
        driving = self._text("driving", self.header.get("driving"))
        try:
            alias_of(driving)
        except ConfigurationError as error:
            self._refuse(True, f"has a driving table that cannot be: {error}".rstrip("."), "driving")
        return driving

    def _record_id(self, kind: str) -> str | None:
        given = self._text("record_id", self.header.get("record_id"))
        self._refuse(given and kind != "fact", "has record_id, which only facts have", "record_id")
        return str(given or f"{self.path.stem}_record_id") if kind == "fact" else None

    def _lookups(self, driving: str | None) -> tuple[Lookup, ...]:
        known = {alias_of(driving)}
        lookups = []
        for alias, record in self._section("lookups").items():
            lookup = self._lookup(alias, record, driving)
            self._refuse(alias.lower() in map(str.lower, known), f"has two relations called {alias}", alias)
            self._refuse(
                lookup.parent not in known, f"looks up {alias} from {lookup.parent}, which is not above it", alias
            )
            known.add(alias)
            lookups.append(lookup)
        return tuple(lookups)

    def _lookup(self, alias: str, record: Any, driving: str | None) -> Lookup:
        self._refuse(not isinstance(record, dict), f"needs lookups.{alias} to be a table, such as {{}}", alias)
        self._known(record, LOOKUP_KEYS, f"lookups.{alias}")
        file, table, parent = (self._text(alias, record.get(name)) for name in ("file", "table", "from"))
        self._refuse(file and table, f"has lookups.{alias} with both a table and a file", alias)
        self._refuse(file and not record.get("on"), f"needs on for lookups.{alias}: a file has no foreign key", alias)
        on = self._names(alias, record.get("on", ()))
        key = self._names(alias, record.get("key", on if file else ()))
        self._refuse(on and key and len(on) != len(key), f"joins {alias} by {len(on)} columns to {len(key)}", alias)
        return Lookup(alias, parent or alias_of(driving), None if file else table or alias, file, on, key)

    def _references(self) -> tuple[ModelReference, ...]:
        return tuple(
            ModelReference(tuple(part.strip() for part in columns.split(",")), str(self._text(columns, table)))
            for columns, table in self._section("references").items()
        )

    def _tests(self) -> Tests:
        record = self._section("tests")
        self._known(record, TEST_KEYS, "tests")
        accepted, ranges = self._section("accepted", record), self._section("range", record)
        for column, values in (*accepted.items(), *ranges.items()):
            self._refuse(not isinstance(values, list), f"needs a list for {column}", column)
        for column, bounds in ranges.items():
            self._refuse(len(bounds) != 2, f"needs two bounds for {column}", column)
        unique = record.get("unique", [])
        self._refuse(not isinstance(unique, list), "needs unique to be a list of lists of columns", "unique")
        return Tests(
            not_null=self._names("not_null", record.get("not_null", ())),
            accepted=tuple((column, tuple(values)) for column, values in accepted.items()),
            range=tuple((column, low, high) for column, (low, high) in ranges.items()),
            unique=tuple(self._names("unique", columns) for columns in unique),
        )

    def _section(self, name: str, record: dict[str, Any] | None = None) -> dict[str, Any]:
        found = (self.header if record is None else record).get(name, {})
        self._refuse(not isinstance(found, dict), f"needs {name} to be a table of settings", name)
        return dict(found)

    def _text(self, near: str, value: Any) -> str | None:
        wrong = not isinstance(value, str | None) or "\0" in (value or "")
        self._refuse(wrong, f"needs a text for {near}, not {value!r}", near)
        return None if value is None else str(value)

    def _names(self, near: str, value: Any) -> tuple[str, ...]:
        names = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list | tuple) else (None,)
        self._refuse(
            not all(isinstance(name, str) and name and "\0" not in name for name in names),
            f"has a {near} that is not a name",
            near,
        )
        return names

    def _one_of(self, name: str, allowed: tuple[str, ...], default: str | None) -> str:
        value = self.header.get(name, default)
        known = isinstance(value, str) and value in allowed
        self._refuse(not known, f"needs {name} to be one of {', '.join(allowed)}", name)
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
        line = line_of(self.text, near)
        raise ModelError(f"{self.path}:{line}: {self.path.stem} {message}.", file=str(self.path), line=line)
