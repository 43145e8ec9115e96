"""What a project says about full exports: `exports/<table>.toml`, a table each."""

import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from utils.deletes import MAX_DELETED_SHARE
from utils.errors import ConfigurationError
from utils.export_table import Deletes, ExportTable, Format
from utils.postgres.names import TableName, parse_table_name
from utils.toml_settings import read_name, read_names, read_share, read_toml, refuse_unknown

FOLDER = "exports"
SCHEMA = "public"  # of a target that is named without one
SETTINGS = {"key", "target", "format", "delimiter", "columns", "null", "closed_by", "version_pattern"} | {
    "deletes",
    "max_deleted_share",
    "tenant_column",
    "engine",
}
ENGINES = ("duckdb", "athena")
MAX_NAME_BYTES = 63  # of a name in PostgreSQL, which cuts longer ones without an error
RESERVED_SCHEMAS = ("starlift", "information_schema")

Choice = TypeVar("Choice", bound=StrEnum)


def holds_export_tables(folder: Path) -> bool:
    """Tell whether a project declares tables that arrive as full exports."""
    return bool(_table_files(folder))


def read_exports(folder: Path) -> dict[str, ExportTable]:
    """Return a project's export tables by name, or raise an error that names the file and the setting."""
    tables = {path.stem: _read_table(path) for path in _table_files(folder)}
    _refuse_shared_targets(tables, folder / FOLDER)
    return tables


def _table_files(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / FOLDER).glob("*.toml") if not path.name.startswith("."))


def _read_table(path: Path) -> ExportTable:
    record, where = read_toml(path), str(path)
    refuse_unknown(record, SETTINGS, where)
    table = ExportTable(
        name=path.stem,
        key=read_names(record, "key", where),
        target=_target(record, path),
        format=_choice(record, "format", Format.CSV, where),
        delimiter=read_delimiter(record, where),
        columns=read_names(record, "columns", where),
        null=_text(record, "null", "", where),
        closed_by=_closed_by(record, where),
        version_pattern=_version_pattern(record, where),
        deletes=_choice(record, "deletes", Deletes.DELETE, where),
        max_deleted_share=read_share(record, "max_deleted_share", MAX_DELETED_SHARE, where) or 0.0,
        tenant_column=read_name(record, "tenant_column", None, where),
        engine=_engine(record, where),
    )
    _check_agrees(table, where)
    return table


def _target(record: Mapping[str, Any], path: Path) -> TableName:
    target = parse_table_name(str(read_name(record, "target", path.stem, str(path))), SCHEMA)
    if target.schema in RESERVED_SCHEMAS or target.schema.startswith("pg_"):
        raise ConfigurationError(
            f"{path}: target cannot be in {target.schema}, which is PostgreSQL's own or where Starlift keeps its books."
        )
    if max(len(target.schema.encode()), len(target.table.encode())) > MAX_NAME_BYTES:
        raise ConfigurationError(f"{path}: target is longer than PostgreSQL's {MAX_NAME_BYTES} bytes. Shorten it.")
    return target


def _choice(record: Mapping[str, Any], name: str, default: Choice, where: str) -> Choice:
    kind, found = type(default), record.get(name, default)
    if not isinstance(found, str) or found not in {str(choice) for choice in kind}:
        raise ConfigurationError(f"{where}: {name} is {found!r}; it must be one of {_quoted(kind)}.")
    return kind(found)


def _engine(record: Mapping[str, Any], where: str) -> str:
    found = record.get("engine", ENGINES[0])
    if found not in ENGINES:
        raise ConfigurationError(f"{where}: engine is {found!r}; it must be one of {_quoted(ENGINES)}.")
    return str(found)


def _quoted(choices: Any) -> str:
    return ", ".join(f'"{choice}"' for choice in choices)


def _text(record: Mapping[str, Any], name: str, default: str, where: str) -> str:
    found = record.get(name, default)
    if not isinstance(found, str):
        raise ConfigurationError(f'{where}: {name} must be a text in quotes, such as "NULL", not {found!r}.')
    return found


def read_delimiter(record: Mapping[str, Any], where: str) -> str:
    """Return what separates the values of a CSV, a comma by default."""
    found = _text(record, "delimiter", ",", where)
    if len(found.encode()) != 1 or found in '"\r\n\0':
        raise ConfigurationError(
            f'{where}: delimiter must be one ASCII character, such as ";" or "\\t", not {found!r}.'
        )
    return found


def _closed_by(record: Mapping[str, Any], where: str) -> str | None:
    found = read_name(record, "closed_by", None, where)
    if found is not None and "/" in found:
        raise ConfigurationError(f'{where}: closed_by is one object of the version, such as "_SUCCESS", not a path.')
    return found


def _version_pattern(record: Mapping[str, Any], where: str) -> str | None:
    found = read_name(record, "version_pattern", None, where)
    try:
        groups = re.compile(found).groups if found is not None else 1
    except re.error as error:
        raise ConfigurationError(f"{where}: version_pattern is no regular expression: {error}.") from error
    if not groups:
        raise ConfigurationError(
            f"{where}: version_pattern has no group, and groups are what orders versions: write 'v([0-9]+)'."
        )
    return found


def _check_agrees(table: ExportTable, where: str) -> None:
    """Refuse settings that need, or exclude, another one, which is named."""
    in_athena = table.engine == "athena"
    wanting = {
        'key must name at least one column, such as ["id"]': not table.key,
        "key names a column twice": len(set(table.key)) < len(table.key),
        "columns names a column twice": len(set(table.columns)) < len(table.columns),
        "columns is of CSV; Parquet names its own": bool(table.columns) and table.format is Format.PARQUET,
        "key names a column that columns lacks": bool(table.columns) and not set(table.key) <= set(table.columns),
        'engine "athena" needs format "parquet", for in a CSV it cannot tell NULL from an empty text': in_athena
        and table.format is not Format.PARQUET,
        'closed_by must begin with _ or . where engine is "athena", which reads all other objects': in_athena
        and not (table.closed_by or "_").startswith(("_", ".")),
        "tenant_column is one of the export's columns": table.tenant_column in (*table.columns, *table.key),
    }
    for sentence, is_wanting in wanting.items():
        if is_wanting:
            raise ConfigurationError(f"{where}: {sentence}. docs/exports.md shows each setting.")


def _refuse_shared_targets(tables: Mapping[str, ExportTable], folder: Path) -> None:
    """Two tables that fill one target would each delete the other's rows."""
    by_target: dict[TableName, str] = {}
    for table in tables.values():
        if other := by_target.get(table.target):
            raise ConfigurationError(
                f"{folder}: {other}.toml and {table.name}.toml both name the target {table.target.sql}. Give each "
                "its own."
            )
        by_target[table.target] = table.name
