"""A batch's rows as DuckDB relations: CSV text, and the same cast by the manifest's types."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from transformation.star_schema.types import TEXT, to_duckdb
from utils.errors import ConfigurationError
from utils.manifest import SourceTable
from utils.postgres.names import column_list, identifier, literal

ROLE = "_starlift_role"
LOOKUP = "lookup"  # the role of rows of a lookup file, whose lines end as its editor ends them
LATE = "_starlift_late"  # set on the rows of Python models only, which lose sight of their driving row
LOST = "_starlift_lost"  # theirs too: the column whose value DuckDB cannot hold and pandas so cannot be given
RAW = "_starlift_raw:"  # prefix of the columns that keep a value's text where it may not cast
NEW_LINE = r"new_line = '\n', "  # DuckDB would take a carriage return in the first value for the end of a line
LONGEST_HEADER = 1 << 20  # of 1,600 names of 63 bytes, with room to spare
LINE_BYTES = 2 << 20  # DuckDB's own limit; a larger one costs it a third of its speed


@dataclass(frozen=True)
class Relation:
    """One source table or lookup file of the batch: DuckDB types by column name."""

    name: str
    types: Mapping[str, str]
    postgres_types: Mapping[str, str]
    kind: str = "table"  # or "lookup" or "computed", whose names are no tables' names

    @property
    def strict(self) -> str:
        """The view whose casts fail loudly."""
        return identifier(f"strict:{self._unique}")

    @property
    def lenient(self) -> str:
        """The view whose casts fail to NULL, beside each value's text."""
        return identifier(f"lenient:{self._unique}")

    @property
    def _unique(self) -> str:
        """The name, made one of its own among those that differ only in case, which DuckDB takes for one."""
        return f"{self.kind}:{self.name}:{self.name.encode().hex()}"


def create_relation(
    connection: duckdb.DuckDBPyConnection, table: SourceTable, files: Mapping[str, list[Path]]
) -> Relation:
    """Create both views over one table's files, given by role; without files they are empty."""
    postgres = {column.name: column.type for column in table.columns}
    relation = Relation(table.name, {name: to_duckdb(kind) for name, kind in postgres.items()}, postgres)
    longest = max((file.longest for file in table.files), default=0)
    parts = [_read(relation, role, paths, longest) for role, paths in files.items() if paths]
    _create(connection, relation, " UNION ALL ".join(parts or [_empty(relation)]))
    return relation


def create_lookup(connection: duckdb.DuckDBPyConnection, path: Path, keys: tuple[str, ...]) -> Relation:
    """Create both views over a lookup file, whose columns are all text and whose key must be unique."""
    columns = _header(path)
    if missing := [name for name in keys if name not in columns]:
        raise ConfigurationError(
            f"{path} has no column {missing[0]}, by which a model looks it up; it has {', '.join(columns)}."
        )
    relation = Relation(path.name, dict.fromkeys(columns, TEXT), dict.fromkeys(columns, "text"), LOOKUP)
    _create(connection, relation, _read(relation, LOOKUP, [path]))
    try:
        double = _double_key(connection, relation, keys)
    except duckdb.InvalidInputException as error:
        reason = str(error).split("\n", maxsplit=1)[0]
        raise ConfigurationError(f"{path} cannot be read: {reason}. Give each line {len(columns)} values.") from error
    if double:
        raise ConfigurationError(f"{path} holds the key {', '.join(map(str, double))} twice; keep one of the lines.")
    return relation


def _header(path: Path) -> list[str]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:  # spreadsheets put a byte order mark first
            columns = next(csv.reader(stream), [])
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is not UTF-8; save it as such.") from error
    if not columns or len({name.lower() for name in columns}) < len(columns) or "" in columns:
        raise ConfigurationError(f"{path} needs a first line that gives each column a name of its own.")
    return columns


def _double_key(
    connection: duckdb.DuckDBPyConnection, relation: Relation, keys: tuple[str, ...]
) -> tuple[object, ...] | None:
    key = column_list(keys)
    found: tuple[object, ...] | None = connection.execute(
        f"SELECT {key} FROM {relation.strict} GROUP BY {key} HAVING count(*) > 1 LIMIT 1"
    ).fetchone()
    return found


def create_computed(connection: duckdb.DuckDBPyConnection, name: str, types: Mapping[str, str], rows: str) -> Relation:
    """Create both views over rows of text that a Python model computed, to be cast to its declared types."""
    relation = Relation(name, {column: to_duckdb(kind) for column, kind in types.items()}, types, "computed")
    _create(connection, relation, rows, (LATE, LOST))
    return relation


def _create(connection: duckdb.DuckDBPyConnection, relation: Relation, rows: str, more: tuple[str, ...] = ()) -> None:
    strict = [_cast("CAST", name, kind) for name, kind in relation.types.items()]
    lenient = [_cast("TRY_CAST", name, kind) for name, kind in relation.types.items()]
    texts = [f"{identifier(name)} AS {identifier(RAW + name)}" for name in relation.types]
    others = [identifier(name) for name in (ROLE, *more)]
    for view, columns in ((relation.strict, [*strict, *others]), (relation.lenient, [*lenient, *texts, *others])):
        connection.execute(f"CREATE OR REPLACE VIEW {view} AS SELECT {', '.join(columns)} FROM ({rows})")


def _cast(cast: str, name: str, kind: str) -> str:
    column = identifier(name)
    if kind == TEXT:
        return column
    # DuckDB reads a timestamp's BC as AD, without a word, so such a text is made one that it cannot read.
    text = f"CASE WHEN suffix({column}, 'BC') THEN 'BC' ELSE {column} END" if kind.startswith("TIMESTAMP") else column
    return f"{cast}({text} AS {kind}) AS {column}"


def _read(relation: Relation, role: str, paths: list[Path], longest: int = 0) -> str:
    """Return the query over CSV files that keeps NULL, which COPY writes as nothing, apart from the quoted ''."""
    columns = ", ".join(f"{identifier(name)}: 'VARCHAR'" for name in relation.types)
    files = ", ".join(literal(str(path)) for path in paths)
    # Not left to chance: DuckDB refuses a row that is larger than it was told, or skips it without a word.
    size = max(LINE_BYTES, longest + LONGEST_HEADER)
    return (
        f"SELECT *, {literal(role)} AS {identifier(ROLE)} FROM read_csv([{files}], columns = {{{columns}}}, "
        "header = true, auto_detect = false, delim = ',', quote = '\"', escape = '\"', nullstr = '', "
        f"{NEW_LINE if role != LOOKUP else ''}allow_quoted_nulls = false, max_line_size = {size})"
    )


def _empty(relation: Relation) -> str:
    columns = ", ".join(f"NULL::VARCHAR AS {identifier(name)}" for name in relation.types)
    return f"SELECT {columns}, NULL::VARCHAR AS {identifier(ROLE)} WHERE false"
