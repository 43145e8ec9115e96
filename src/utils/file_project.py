"""What a project says about dropped files: `files/<table>.toml`, a table each, and `[files]` in pipeline.toml."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from utils.errors import ConfigurationError
from utils.file_columns import MAX_NAME_BYTES, read_columns, read_csv_format
from utils.file_table import (
    MAX_RECORD_LENGTH,
    FileProject,
    FileTable,
    HashPartitions,
    Limits,
    Mode,
    NewContent,
    Repeated,
)
from utils.postgres.names import TableName, identifier, parse_table_name
from utils.toml_settings import (
    read_flag,
    read_name,
    read_names,
    read_positive,
    read_share,
    read_table,
    read_toml,
    refuse_unknown,
)

FOLDER = "files"
PROJECT_SETTINGS = {"schema", "existing"}
TABLE_SETTINGS = {"table", "columns", "key", "mode", "replace_by", "repeated", "new_content", "file_column"} | {
    "partitions",
    "csv",
    "limits",
    "ignore",
    "max_record_length",
}
RESERVED_SCHEMAS = ("starlift", "information_schema")
PLACED_LOW = {"mode": Mode, "repeated": Repeated, "new_content": NewContent}  # their values are no types

Choice = TypeVar("Choice", bound=StrEnum)


def holds_file_tables(folder: Path) -> bool:
    """Tell whether a project declares tables for dropped files."""
    return bool(_table_files(folder))


def read_file_project(folder: Path) -> FileProject:
    """Return what a project says about dropped files, or raise an error that names the file and the setting."""
    path = folder / "pipeline.toml"
    where = f"{path}: [files]"
    settings = read_table(read_toml(path), "files", str(path))
    refuse_unknown(settings, PROJECT_SETTINGS, where)
    schema = str(read_name(settings, "schema", "public", where))
    _refuse_reserved(schema, where)
    tables = [_read_table_file(file, schema) for file in _table_files(folder)]
    _refuse_shared(tables, folder)
    existing = schema if read_flag(settings, "existing", where) else None
    return FileProject({table.folder: table for table in tables}, existing)


def _table_files(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / FOLDER).glob("*.toml") if not path.name.startswith("."))


def _refuse_reserved(schema: str, where: str) -> None:
    if schema in RESERVED_SCHEMAS or schema.startswith("pg_") or len(schema.encode()) > MAX_NAME_BYTES:
        raise ConfigurationError(
            f"{where}: schema cannot be {identifier(schema)}: it is longer than {MAX_NAME_BYTES} bytes, "
            "PostgreSQL's own, or where Starlift keeps its ledger."
        )


def _refuse_shared(tables: list[FileTable], folder: Path) -> None:
    """Two folders that fill one table would each replace and expect its own half of it."""
    by_name: dict[TableName, str] = {}
    for table in tables:
        if other := by_name.get(table.name):
            raise ConfigurationError(
                f"{folder / FOLDER}: {other}.toml and {table.folder}.toml both name {table.name.sql}. Keep one of them."
            )
        by_name[table.name] = table.folder


def _read_table_file(path: Path, schema: str) -> FileTable:
    record, where = read_toml(path), str(path)
    refuse_unknown(record, TABLE_SETTINGS, where)
    name = _table_name(record, path, schema)
    settings = read_table(record, "columns", where)
    _refuse_settings_below(settings, where)
    columns = read_columns(settings, where)
    table = FileTable(
        name=name,
        folder=path.stem,
        columns=columns,
        key=read_names(record, "key", where),
        mode=_choice(record, "mode", Mode.APPEND, where),
        replace_by=read_names(record, "replace_by", where),
        repeated=_choice(record, "repeated", Repeated.REJECT, where) if "repeated" in record else None,
        new_content=_new_content(record, where),
        file_column=read_name(record, "file_column", None, where),
        partitions=_partitions(record, where),
        csv=read_csv_format(read_table(record, "csv", where), f"{where}: [csv]"),
        limits=_limits(read_table(record, "limits", where), f"{where}: [limits]"),
        ignored=read_names(record, "ignore", where),
        max_record_length=read_positive(record, "max_record_length", MAX_RECORD_LENGTH, where),
    )
    _check_columns_exist(table, where)
    _check_agrees(table, where)
    return table


def _refuse_settings_below(columns: Mapping[str, Any], where: str) -> None:
    """In TOML what follows a heading belongs to it, so a setting below [columns] would be a column."""
    for name, value in columns.items():
        is_choice = name in PLACED_LOW and value in {str(choice) for choice in PLACED_LOW[name]}
        if is_choice or (name in TABLE_SETTINGS and not isinstance(value, str | dict)):
            raise ConfigurationError(f"{where}: {name} stands below [columns], as a column would. Move it above.")


def _table_name(record: Mapping[str, Any], path: Path, schema: str) -> TableName:
    text = read_name(record, "table", None, str(path))
    name = parse_table_name(text, schema) if text else TableName(schema, path.stem)
    _refuse_reserved(name.schema, str(path))
    if len(name.table.encode()) > MAX_NAME_BYTES:
        raise ConfigurationError(f"{path}: {name.table} is longer than PostgreSQL's {MAX_NAME_BYTES} bytes.")
    return name


def _choice(record: Mapping[str, Any], name: str, default: Choice, where: str) -> Choice:
    kind = type(default)
    found = record.get(name, default)
    if not isinstance(found, str) or found not in {str(choice) for choice in kind}:
        choices = ", ".join(f'"{choice}"' for choice in kind)
        raise ConfigurationError(f"{where}: {name} is {found!r}; it must be one of {choices}.")
    return kind(found)


def _new_content(record: Mapping[str, Any], where: str) -> NewContent:
    """Return the setting, or what suits the table: replacing needs to know which rows a file brought."""
    default = NewContent.UPSERT if record.get("mode") == Mode.UPSERT else NewContent.APPEND
    return _choice(record, "new_content", NewContent.REPLACE if "file_column" in record else default, where)


def _partitions(record: Mapping[str, Any], where: str) -> HashPartitions | None:
    if "partitions" not in record:
        return None
    settings, inside = read_table(record, "partitions", where), f"{where}: [partitions]"
    refuse_unknown(settings, {"hash", "count"}, inside)
    columns = read_names(settings, "hash", inside)
    if not columns:
        raise ConfigurationError(f'{inside}: hash must name columns, such as ["model", "city"].')
    return HashPartitions(columns, read_positive(settings, "count", 4, inside))


def _limits(settings: Mapping[str, Any], where: str) -> Limits:
    refuse_unknown(settings, {"rows", "share"}, where)
    rows = settings.get("rows")
    if rows is not None and (not isinstance(rows, int) or isinstance(rows, bool) or rows < 0):
        raise ConfigurationError(f"{where}: rows must be a whole number from 0 up.")
    return Limits(rows, read_share(settings, "share", None, where))


def _check_columns_exist(table: FileTable, where: str) -> None:
    named = {"key": table.key, "replace_by": table.replace_by}
    named["partitions"] = table.partitions.columns if table.partitions else ()
    for setting, columns in named.items():
        for column in columns:
            if column not in table.column_names:
                known = ", ".join(table.column_names)
                raise ConfigurationError(f"{where}: {setting} names {column!r}, but the columns are {known}.")


def _check_agrees(table: FileTable, where: str) -> None:
    """Refuse settings that need another one, which is named."""
    replaces = table.mode is Mode.REPLACE_PARTITION
    wanting = {
        'mode "upsert" needs a key': table.mode is Mode.UPSERT and not table.key,
        'new_content "upsert" needs a key': table.new_content is NewContent.UPSERT and not table.key,
        'new_content "replace" needs a file_column': table.new_content is NewContent.REPLACE and not table.file_column,
        'mode "replace-partition" needs replace_by': replaces and not table.replace_by,
        'replace_by needs mode "replace-partition"': bool(table.replace_by)
        and table.mode is not Mode.REPLACE_PARTITION,
        "repeated needs a key": table.repeated is not None and not table.key,
        "file_column cannot be one of the columns": table.file_column in table.column_names,
        "ignore cannot name what fills a column": bool(set(table.ignored) & {c.source for c in table.columns}),
        "the key of a partitioned table must hold the columns that partition it": bool(
            table.key and table.partitions and set(table.partitions.columns) - set(table.key)
        ),
    }
    for sentence, is_wanting in wanting.items():
        if is_wanting:
            raise ConfigurationError(f"{where}: {sentence}. docs/files.md shows each setting.")
