"""Golden files: one PostgreSQL type each, its edge values, and what becomes of them on their way to the warehouse.

A person writes a file's `source_type`, `needs`, `why` and, of each value, `insert`, `since` and `note`; the rest is
what a run made of them, and what it should make of them from then on. Where an older PostgreSQL makes something else
of a value, a person says so in its `on`: `{"16": {"csv": ...}}`.
"""

import json
import re
import struct
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.acceptance.command import Place
from utils.batch_log import LandingLog, ProcessedLog
from utils.folder_store import FolderStore
from utils.postgres.names import identifier

FOLDER = Path(__file__).parent / "golden/types"
# The one model's rows are written at once, the other's value by value, since some of them are beyond DuckDB's types.
MODELS = {"ordinary": "dim_ordinary", "all": "fact_all"}
TYPES = ("landed_type", "arrow_type", "warehouse_type")  # of a golden file, in the order of the stations
WRITTEN = ("insert", "since"), ("on", "note")  # by a person, of a value: before and after what is found
STATIONS = ("csv", "parquet", "exact", "warehouse")  # of a value
SETTINGS = "SET TimeZone = 'UTC'; SET DateStyle = ISO; SET IntervalStyle = postgres; SET bytea_output = hex"
FIELD = re.compile(rb'("(?:[^"]|"")*"|[^,\n]*)([,\n])')


@dataclass(frozen=True)
class Golden:
    """One type: the values that are inserted, and what each becomes on one version of PostgreSQL."""

    path: Path
    content: Mapping[str, Any]
    version: int

    @property
    def name(self) -> str:
        """The name of the column with these values."""
        return self.path.stem

    @property
    def column(self) -> str:
        """The column's name in SQL."""
        return identifier(self.name)

    @cached_property
    def values(self) -> list[dict[str, Any]]:
        """The values that this version has, with what it makes of them."""
        known = [value for value in self.content["values"] if value.get("since", 0) <= self.version]
        return [{**value, **value.get("on", {}).get(str(self.version), {})} for value in known]

    @property
    def ordinary(self) -> "Golden":
        """The same type without the values that are beyond DuckDB's."""
        return replace(self, content={**self.content, "values": [v for v in self.values if "exact" not in v]})

    @property
    def expected(self) -> dict[str, Any]:
        """The file's content as this version should make it."""
        return {**self.content, "values": self.values}

    def inserted(self, row: int) -> str:
        """Return the expression for a row's value; rows are numbered from 1, and further ones are NULL."""
        return str(self.values[row - 1]["insert"]) if 0 < row <= len(self.values) else "NULL"


def read_goldens(version: int) -> list[Golden]:
    """Return every golden file as it is meant for one version of PostgreSQL."""
    return [Golden(path, json.loads(path.read_text()), version) for path in sorted(FOLDER.glob("*.json"))]


def models(goldens: list[Golden]) -> dict[str, str]:
    """Return a dimension of the ordinary values and a fact of all, by file name."""
    body = '/*\nkind = "{}"\nkey = "id"\ndriving = "{}"\n*/\nSELECT id, {}\n'
    columns = ", ".join(golden.column for golden in goldens)
    return {f"{m}.sql": body.format(KINDS[m.split("_")[0]], table, columns) for table, m in MODELS.items()}


KINDS = {"dim": "dimension", "fact": "fact"}


def fill_source(place: Place, goldens: list[Golden]) -> None:
    """Create the two tables, a column a type and a row a value; in row 0 and after a type's last value it is NULL."""
    place.ask("; ".join(statement for golden in goldens for statement in golden.content.get("needs", ())) or "SELECT")
    columns = ", ".join(f"{golden.column} {golden.content['source_type']}" for golden in goldens)
    for table, kept in {"all": goldens, "ordinary": [golden.ordinary for golden in goldens]}.items():
        count = 1 + max(len(golden.values) for golden in kept)
        rows = (f"({row}, {', '.join(golden.inserted(row) for golden in kept)})" for row in range(count))
        place.ask(f'CREATE TABLE "{table}" (id int PRIMARY KEY, {columns})')
        place.ask(f'INSERT INTO "{table}" VALUES {", ".join(rows)}')


@dataclass(frozen=True)
class Stations:
    """What the first batch holds of one table's columns at each station: types, and values by row."""

    types: Mapping[str, tuple[str, str, str]]
    values: Mapping[str, Mapping[int, tuple[str, str | None, str | None, str | None]]]

    def content(self, golden: Golden) -> dict[str, Any]:
        """Return a golden file's content as it would be if this is what it should be."""
        values = []
        for row, value in enumerate(golden.values, 1):
            found = dict(zip(STATIONS, self.values[golden.name][row], strict=True))
            if found["exact"] is None:
                del found["exact"]
            given, said = ({name: value[name] for name in names if name in value} for names in WRITTEN)
            values.append(given | found | said)
        return {**golden.content, **dict(zip(TYPES, self.types[golden.name], strict=True)), "values": values}


def read_stations(place: Place, table: str, goldens: list[Golden]) -> Stations:
    """Read the first batch's files of one table, and what the warehouse holds of it."""
    columns, model = [golden.name for golden in goldens], MODELS[table]
    landed_types, landed = _read_landed(place, table)
    arrow_types, processed = _read_processed(place, model, columns)
    held_types, held = _read_held(place, model, goldens)
    types = {name: (landed_types[name], arrow_types[name], held_types[name]) for name in columns}
    values = {
        name: {row: (landed[row][name], *processed[row][name], held[row][name]) for row in landed} for name in columns
    }
    return Stations(types, values)


def _read_landed(place: Place, table: str) -> tuple[dict[str, str], dict[int, dict[str, str]]]:
    """Return each column's type, and each row's fields as their bytes are in the CSV, quotes included."""
    tables = LandingLog(FolderStore(place.store / "landing")).read(1).manifest.tables
    found = next(one for one in tables if one.name == table)
    (file,) = found.changed
    rows = list(_fields((place.store / "landing" / file.key).read_bytes()))[1:]
    named = [dict(zip([column.name for column in found.columns], row, strict=True)) for row in rows]
    return {column.name: column.type for column in found.columns}, {int(row["id"]): row for row in named}


def _fields(body: bytes) -> Iterator[list[str]]:
    row: list[str] = []
    for field, end in FIELD.findall(body):
        row.append(field.decode())
        if end == b"\n":
            yield row
            row = []


def _read_processed(
    place: Place, model: str, columns: list[str]
) -> tuple[dict[str, str], dict[int, dict[str, tuple[str | None, str | None]]]]:
    """Return each column's Arrow type, and each row's values with the exact texts of those that have one."""
    tables = ProcessedLog(FolderStore(place.store / "processed")).read(1).tables
    (file,) = next(one for one in tables if one.name == model).rows
    found = pq.read_table(place.store / "processed" / file.key)
    exact = found["_exact"].to_pylist() if "_exact" in found.column_names else [()] * len(found)
    texts = [dict(pairs or ()) for pairs in exact]
    values = {name: [arrow_text(value) for value in found[name]] for name in columns}
    rows = {
        row: {name: (values[name][place], texts[place].get(name)) for name in columns}
        for place, row in enumerate(found["id"].to_pylist())
    }
    return {name: str(found.schema.field(name).type) for name in columns}, rows


def _read_held(place: Place, model: str, goldens: list[Golden]) -> tuple[dict[str, str], dict[int, dict[str, Any]]]:
    """Return each column's type, and each row's values in the warehouse as the server writes them."""
    names = [golden.name for golden in goldens]
    kinds = place.ask(
        "SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attnum > 0 "
        f"AND attrelid = '{model}'::regclass",
        "warehouse",
    )
    texts = ", ".join(f"CASE WHEN num_nulls({g.column}) = 0 THEN format('%s', {g.column}) END" for g in goldens)
    rows = place.ask(f"{SETTINGS}; SELECT id, {texts} FROM {model}", "warehouse")
    return dict(kinds), {int(row): dict(zip(names, values, strict=True)) for row, *values in rows}


def arrow_text(value: Any) -> str | None:
    """Return an Arrow value as text that shows all of it; one that Python's times cannot show as its plain number."""
    if not value.is_valid:
        return None
    try:
        found = value.as_py()
    except (ValueError, OverflowError):
        return str(value.value)
    if not isinstance(found, date | datetime | time):
        return str(found)
    return found.isoformat() if pa.scalar(found, value.type) == value else str(value.value)


def field_text(field: str) -> str | None:
    """Return what a CSV field says, read by no code of the pipeline's: nothing is NULL, quotes hold a text."""
    if not field.startswith('"'):
        return field or None
    return field[1:-1].replace('""', '"')


def means(arrow_type: str, value: Mapping[str, Any], text: str | None) -> bool:
    """Tell whether a value's Parquet says the same as its text, so that any reader of the file finds it."""
    found = value["parquet"]
    if found is None or text is None:
        return found is text
    reading = READINGS.get(arrow_type, str)
    try:
        return reading(found) == reading(text)
    except ValueError:
        return False


def _bits(size: str) -> Callable[[str], bytes]:
    return lambda number: struct.pack(size, float(number))


READINGS: Mapping[str, Callable[[str], object]] = {
    "bool": lambda text: text[0].lower(),
    "float": _bits("f"),
    "double": _bits("d"),
    "date32[day]": date.fromisoformat,
    "time64[us]": time.fromisoformat,
    "timestamp[us]": datetime.fromisoformat,
    "timestamp[us, tz=UTC]": datetime.fromisoformat,
}


def write_golden(golden: Golden, content: Mapping[str, Any]) -> None:
    """Write what a run made of a type into its file."""
    golden.path.write_text("\n".join(_lines(content)) + "\n")


def _lines(content: Mapping[str, Any]) -> Iterator[str]:
    yield "{"
    order = [name for name in ("source_type", "needs", *TYPES, "why") if name in content]
    yield from (f"  {json.dumps(name)}: {_json(content[name])}," for name in order)
    yield '  "values": ['
    yield ",\n".join(f"    {_json(value)}" for value in content["values"])
    yield "  ]"
    yield "}"


def _json(part: object) -> str:
    text = json.dumps(part, ensure_ascii=False)
    is_plain = text.isprintable() and unicodedata.is_normalized("NFC", text)
    return text if is_plain else json.dumps(part)
