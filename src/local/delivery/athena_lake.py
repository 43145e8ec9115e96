"""The tables that Athena sees, as DuckDB reads them: objects of the raw store in their partitions."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import sqlglot
from sqlglot import TokenType, expressions
from sqlglot.errors import SqlglotError

from utils.delivery_project import DeliveryProject, FieldType
from utils.postgres.names import identifier, literal
from utils.store import ObjectStore

TYPES = {
    FieldType.STRING: "VARCHAR",
    FieldType.TIMESTAMP: "VARCHAR",  # as text: it has nanoseconds and a Z
    FieldType.INTEGER: "BIGINT",
    FieldType.NUMBER: "DOUBLE",
    FieldType.BOOLEAN: "BOOLEAN",
}
PARTITIONS = "{'year': VARCHAR, 'month': VARCHAR, 'day': VARCHAR, 'hour': VARCHAR}"
# Of what the API says of a type, the names that differ from DuckDB's in more than case.
ATHENA_TYPES = {"HUGEINT": "decimal"}
OPENED = re.compile(r'"Total Files Read": "([0-9]+)"')
CONSTANTS = (expressions.Literal, expressions.Boolean, expressions.Null)


class RefusedQueryError(Exception):
    """A statement that Athena would refuse; the text is the reason."""


@dataclass(frozen=True)
class Answer:
    """What a statement gave: its columns with Athena's types, its rows as text, and the bytes read for it."""

    columns: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str | None, ...], ...]
    bytes_scanned: int = 0
    objects_opened: int = 0


@dataclass(frozen=True)
class Lake:
    """The tables `raw` and `queued` of one database, over a store of which a copy is kept."""

    store: ObjectStore
    copy: Path
    project: DeliveryProject
    database: str
    _known: set[str] = field(default_factory=set)

    def ask(self, sql: str, parameters: list[str]) -> Answer:
        """Answer a statement in Athena's dialect, or raise RefusedQueryError."""
        self._fetch()
        try:
            translated = sqlglot.transpile(put_in(sql, parameters), read="athena", write="duckdb")
        except SqlglotError as error:
            raise RefusedQueryError(f"SYNTAX_ERROR: {error}") from error
        with duckdb.connect() as connection:
            self._create_tables(connection)
            connection.execute("PRAGMA enable_profiling = 'no_output'")
            return _run(connection, translated[0])

    def _fetch(self) -> None:
        """Copy the objects that are new; none ever changes."""
        for table in ("raw", "queued"):
            for found in self.store.list(f"{table}/"):
                if found.key not in self._known:
                    path = self.copy / found.key
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(self.store.read(found.key))
                    self._known.add(found.key)

    def _create_tables(self, connection: duckdb.DuckDBPyConnection) -> None:
        fields = {each.name: TYPES[each.type] for each in self.project.fields}
        connection.execute(f"CREATE SCHEMA {identifier(self.database)}")
        self._create_table(connection, "raw", {"id": "VARCHAR", "objectKey": "VARCHAR", **fields})
        self._create_table(connection, "queued", {"id": "VARCHAR"})

    def _create_table(self, connection: duckdb.DuckDBPyConnection, table: str, columns: dict[str, str]) -> None:
        name = f"{identifier(self.database)}.{identifier(table)}"
        if not any(key.startswith(f"{table}/") for key in self._known):
            partitions = dict.fromkeys(("year", "month", "day", "hour"), "VARCHAR")
            listed = ", ".join(f"{identifier(each)} {kind}" for each, kind in {**columns, **partitions}.items())
            connection.execute(f"CREATE TABLE {name} ({listed})")
            return
        told = ", ".join(f"{literal(each)}: {literal(kind)}" for each, kind in columns.items())
        files = literal(f"{self.copy}/{table}/*/*/*/*/*.json")
        connection.execute(
            f"CREATE VIEW {name} AS SELECT * FROM read_json({files}, format = 'newline_delimited', "
            f"columns = {{{told}}}, hive_partitioning = true, hive_types = {PARTITIONS})"
        )


def put_in(sql: str, parameters: list[str]) -> str:
    """Return the statement with each parameter, which must be one constant, where its question mark was."""
    marks = [token for token in sqlglot.tokenize(sql, read="athena") if token.token_type is TokenType.PLACEHOLDER]
    if len(marks) != len(parameters):
        raise RefusedQueryError(f"Incorrect number of parameters: expected {len(marks)} but found {len(parameters)}")
    for mark, parameter in reversed(list(zip(marks, parameters, strict=True))):
        sql = f"{sql[: mark.start]}{_constant(parameter)}{sql[mark.end + 1 :]}"
    return sql


def _constant(parameter: str) -> str:
    parsed = sqlglot.parse_one(parameter, read="athena")
    inner = parsed.this if isinstance(parsed, expressions.Neg) else parsed
    if not isinstance(inner, CONSTANTS):
        raise RefusedQueryError(f"INVALID_PARAMETER_USAGE: {parameter} is no constant")
    return parameter


def _run(connection: duckdb.DuckDBPyConnection, sql: str) -> Answer:
    try:
        found = connection.execute(sql)
    except duckdb.Error as error:
        raise RefusedQueryError(f"SYNTAX_ERROR: {error}") from error
    # Athena knows names in lower case.
    columns = tuple((each[0].lower(), _athena_type(str(each[1]))) for each in found.description or ())
    rows = tuple(tuple(None if cell is None else _as_text(cell) for cell in row) for row in found.fetchall())
    profile = connection.get_profiling_information("json")
    return Answer(columns, rows, json.loads(profile)["io"]["total_bytes_read"], sum(map(int, OPENED.findall(profile))))


def _athena_type(kind: str) -> str:
    return ATHENA_TYPES.get(kind, kind.lower())


def _as_text(cell: object) -> str:
    return str(cell).lower() if isinstance(cell, bool) else str(cell)
