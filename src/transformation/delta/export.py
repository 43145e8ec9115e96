"""One export's files as they stand: which columns they have, and the SQL that reads them, as text or as typed.

Columns go by their place in SQL and never by their name: a source may tell "id" from "ID", and DuckDB does not.
"""

import csv
import gzip
import re
import shutil
import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from transformation.delta.engine import named_file
from utils.errors import ExportRefusedError
from utils.export_table import ExportTable, Format
from utils.postgres.names import identifier, literal
from utils.store import BLOCK_BYTES

MAX_LINE_BYTES = 16 << 20  # of a CSV's row; what DuckDB's reader keeps in memory for each thread grows with it
NESTED = ("STRUCT", "MAP", "UNION")
NO_DIGIT = re.compile(r'("(?:[^"]|"")*")|DECIMAL\((\d+),\2\)')  # before the point; a field's name is passed over
MAX_DIGITS = 38  # of a decimal
TEXT = "VARCHAR"
ALIKE = {  # types of which two values are equal just if their texts are; 0.0 and -0.0 are no such values
    *(TEXT, "BLOB", "BOOLEAN", "DATE", "UUID"),
    *(f"{sign}{size}" for sign in ("", "U") for size in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT")),
    *("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"),
}


@dataclass(frozen=True)
class ExportFile:
    """A file on this machine, and the name that it arrived under."""

    path: Path
    name: str


State = tuple[int, int, int] | None


def state_of(path: Path) -> State:
    """Return what differs once a file was overwritten or replaced; None if it is not there."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


@dataclass(frozen=True)
class Part:
    """One file's columns, each with the SQL for its value and DuckDB's type, and the relation that they come from."""

    name: str
    path: Path
    state: State  # of the file before anything was read of it
    columns: tuple[str, ...]
    values: tuple[str, ...]
    kinds: tuple[str, ...]
    relation: str

    def select(self, columns: Sequence[str], kinds: Sequence[str] = ()) -> str:
        """Return the query for these columns as c1, c2 ..., as texts where nothing else is asked for."""
        wanted = zip(columns, kinds or [TEXT] * len(columns), strict=True)
        items = (f"{self._item(name, kind)} AS c{place}" for place, (name, kind) in enumerate(wanted, 1))
        return f"SELECT {', '.join(items)} FROM {self.relation}"

    def _item(self, name: str, kind: str) -> str:
        if name not in self.columns:
            return f"CAST(NULL AS {kind})"
        place = self.columns.index(name)
        return self.values[place] if self.kinds[place] == kind else text_of(self.values[place], self.kinds[place])


@dataclass(frozen=True)
class Export:
    """One version: its columns, in the order of its first file, and its parts."""

    columns: tuple[str, ...]
    parts: tuple[Part, ...]

    def kinds_of(self, name: str) -> set[str]:
        """Return the types that a column has in the files which have it."""
        return {part.kinds[part.columns.index(name)] for part in self.parts if name in part.columns}


def common_kind(name: str, exports: Sequence[Export]) -> str:
    """Return the type by which a column can be compared: its own if it is the same everywhere, else its text's.

    Casting every value of two large files takes longer than comparing them; casting what differs takes nothing.
    """
    kinds = set[str]().union(*(export.kinds_of(name) for export in exports))
    only = next(iter(kinds)) if len(kinds) == 1 else TEXT
    return only if only in ALIKE or only.startswith("DECIMAL") else TEXT


def read_export(
    files: Sequence[ExportFile], table: ExportTable, scratch: Path, connection: duckdb.DuckDBPyConnection
) -> Export:
    """Look at every file's columns, or raise ExportRefusedError; no row is read yet.

    What is packed is unpacked into scratch, where it must stay as long as the export is read.
    """
    parts = tuple(_part(_unpacked(file, scratch), table, connection) for file in files)
    for part in parts:
        _check_columns(part, parts[0])
    return Export(parts[0].columns, parts)


def _unpacked(file: ExportFile, scratch: Path) -> ExportFile:
    """Return a file that DuckDB can read with all threads, or raise ExportRefusedError unless it is whole.

    DuckDB unpacks with one thread, at each reading, and does not compare checksums.
    """
    if not file.name.endswith(".gz"):
        return file
    try:
        with gzip.open(file.path) as packed, tempfile.NamedTemporaryFile(dir=scratch, delete=False) as plain:
            shutil.copyfileobj(packed, plain, BLOCK_BYTES)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ExportRefusedError(
            f"{file.name} is no whole gzip file: {error}. Export it again, or upload it again.", file=file.name
        ) from error
    return ExportFile(Path(plain.name), file.name)


def _part(file: ExportFile, table: ExportTable, connection: duckdb.DuckDBPyConnection) -> Part:
    state = state_of(file.path)
    if table.format is Format.PARQUET:
        return _parquet_part(file, state, connection)
    columns = table.columns or read_header(file, table.delimiter)
    places = tuple(f"c{place}" for place, _ in enumerate(columns, 1))
    return Part(file.name, file.path, state, columns, places, (TEXT,) * len(places), _csv_relation(file, table, places))


def read_header(file: ExportFile, delimiter: str) -> tuple[str, ...]:
    """Return the names in a CSV's first line."""
    try:
        with file.path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
            header = next(csv.reader(stream, delimiter=delimiter), None)
        "".join(header or ()).encode()  # a row that is not UTF-8 is found later, with its line
    except UnicodeError as error:
        raise ExportRefusedError(
            f"{file.name} cannot be read: its header is not UTF-8. Export it again as UTF-8.", file=file.name
        ) from error
    except csv.Error as error:
        raise ExportRefusedError(f"{file.name} cannot be read: {error}. Export it again.", file=file.name) from error
    if not header:
        raise ExportRefusedError(
            f"{file.name} has no header line. Export it with one; a project's table may declare `columns` instead.",
            file=file.name,
        )
    return tuple(header)


def _csv_relation(file: ExportFile, table: ExportTable, places: Sequence[str]) -> str:
    """Return the reader with every setting given: whatever DuckDB guesses would depend on the rows."""
    kinds = ", ".join(f"{place}: 'VARCHAR'" for place in places)
    options = {
        "columns": f"{{{kinds}}}",
        "auto_detect": "false",
        "header": "false" if table.columns else "true",
        "delim": literal(table.delimiter),
        "quote": literal('"'),
        "escape": literal('"'),
        "nullstr": literal(table.null),
        "allow_quoted_nulls": "false",  # a quoted empty value is a text, an unquoted one is NULL
        "compression": literal("none"),
        "max_line_size": str(MAX_LINE_BYTES),
        "buffer_size": str(2 * MAX_LINE_BYTES),  # several are in memory at a time; left alone it is far larger
    }
    return f"read_csv({literal(str(file.path))}, {', '.join(f'{name} = {value}' for name, value in options.items())})"


def _parquet_part(file: ExportFile, state: State, connection: duckdb.DuckDBPyConnection) -> Part:
    relation = f"read_parquet({literal(str(file.path))}, hive_partitioning = false)"  # a folder's name is no column
    with named_file(file.name):
        found = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    kinds = {name: kind for name, kind, *_ in found}
    if wrong := [name for name, kind in kinds.items() if _is_nested(kind) and f"({MAX_DIGITS},{MAX_DIGITS})" in kind]:
        raise ExportRefusedError(
            f"{file.name} has {', '.join(wrong)} of lists or records with decimals of {MAX_DIGITS} digits, all behind "
            "the point, which cannot be written as JSON. Export fewer digits, or texts.",
            file=file.name,
        )
    return Part(
        file.name, file.path, state, tuple(kinds), tuple(map(identifier, kinds)), tuple(kinds.values()), relation
    )


def text_of(column: str, kind: str) -> str:
    """Return the SQL for a value's text as PostgreSQL reads it, with nothing lost.

    Numbers, times and booleans cast as they are (floats to the shortest text that means the same number);
    bytes are written as bytea's hex form, and nested values as JSON, whose numbers have a digit before the point.
    """
    if kind == "VARCHAR":
        return column
    if kind == "BLOB":
        return f"'\\x' || lower(hex({column}))"
    if _is_nested(kind):
        wider = NO_DIGIT.sub(lambda found: found[1] or f"DECIMAL({int(found[2]) + 1},{found[2]})", kind)
        value = column if wider == kind else f"CAST({column} AS {wider})"
        return f"CAST(to_json({value}) AS VARCHAR)"
    return f"CAST({column} AS VARCHAR)"


def _is_nested(kind: str) -> bool:
    return kind.startswith(NESTED) or kind.endswith("]")


def _check_columns(part: Part, first: Part) -> None:
    twice = sorted({name for name in part.columns if part.columns.count(name) > 1})
    if twice or "" in part.columns:
        what = f"names {twice[0]!r} twice" if twice else "has a column without a name"
        raise ExportRefusedError(f"{part.name} {what}. Name every column once.", file=part.name)
    if set(part.columns) != set(first.columns):
        differ = sorted(set(part.columns) ^ set(first.columns))
        raise ExportRefusedError(
            f"{part.name} and {first.name} are one export but differ in {', '.join(differ)}. Export them again.",
            file=part.name,
        )
