"""The columns of a table for dropped files, and how its CSV files are written, as `files/<table>.toml` says."""

import codecs
import re
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

from utils.errors import ConfigurationError
from utils.file_table import CsvFormat, FileColumn, Rules
from utils.postgres.names import identifier
from utils.toml_settings import read_flag, read_name, read_whole_number, refuse_unknown

MAX_NAME_BYTES = 63  # of a name in PostgreSQL, which cuts longer ones without an error
COLUMN_SETTINGS = {"type", "source", "path", "default", "trim", "required", "minimum", "maximum"} | {
    "allowed",
    "pattern",
    "max_length",
}
CSV_SETTINGS = {"delimiter", "quote", "encoding", "null"}
# What a type may look like in DDL: names, quoted or not, a modifier in brackets, more words, array brackets.
TYPE = re.compile(r'(\w+|"[^"\0]+")((\.|\s+)(\w+|"[^"\0]+"))*(\s*\(\s*\d+\s*(,\s*-?\d+\s*)?\))?(\s+\w+)*(\s*\[\d*\])*')


def read_columns(settings: Mapping[str, Any], where: str) -> tuple[FileColumn, ...]:
    """Return a table's columns in the order of the file, which is the order in the table."""
    if not settings:
        raise ConfigurationError(f'{where}: there are no columns. Write each below [columns], such as model = "text".')
    columns = tuple(_read_column(name, value, f"{where}: column {name!r}") for name, value in settings.items())
    sources = [column.source for column in columns]
    if twice := next((source for source in sources if sources.count(source) > 1), None):
        raise ConfigurationError(f"{where}: two columns are filled from {twice!r}. Give each its own source.")
    return columns


def _read_column(name: str, value: Any, where: str) -> FileColumn:
    identifier(name)
    if len(name.encode()) > MAX_NAME_BYTES:
        raise ConfigurationError(f"{where} has a name of more than PostgreSQL's {MAX_NAME_BYTES} bytes. Shorten it.")
    if isinstance(value, str):
        return FileColumn(name, _type(value, where), name)
    if not isinstance(value, dict):
        raise ConfigurationError(f'{where} must be a type, such as "text", or a table of settings with a type.')
    refuse_unknown(value, COLUMN_SETTINGS, where)
    return FileColumn(
        name=name,
        type=_type(value.get("type"), where),
        source=str(read_name(value, "source", name, where)),
        rules=_rules(value, where),
        default=_text(value, "default", where),
        trim=read_flag(value, "trim", where),
        path=read_name(value, "path", None, where),
    )


def _type(value: Any, where: str) -> str:
    if not isinstance(value, str) or not TYPE.fullmatch(value.strip()):
        raise ConfigurationError(f'{where}: type must be one of PostgreSQL\'s, such as "numeric(10,2)", not {value!r}.')
    return value.strip()


def _rules(value: Mapping[str, Any], where: str) -> Rules:
    return Rules(
        required=read_flag(value, "required", where),
        minimum=_text(value, "minimum", where),
        maximum=_text(value, "maximum", where),
        allowed=_allowed(value, where),
        pattern=_pattern(value, where),
        max_length=read_whole_number(value, "max_length", 0, where, least=0) if "max_length" in value else None,
    )


def _text(value: Mapping[str, Any], name: str, where: str) -> str | None:
    """Return a value as PostgreSQL would read it, whatever it is in TOML."""
    found = value.get(name)
    if isinstance(found, bool):
        return str(found).lower()
    if isinstance(found, datetime | date | time):
        return found.isoformat()
    if found is not None and not isinstance(found, str | int | float):
        raise ConfigurationError(f"{where}: {name} must be one value, not {found!r}.")
    return None if found is None else str(found)


def _allowed(value: Mapping[str, Any], where: str) -> tuple[str, ...]:
    found = value.get("allowed", [])
    if not isinstance(found, list) or ("allowed" in value and not found):
        raise ConfigurationError(f'{where}: allowed must be a list of values, such as ["petrol", "diesel"].')
    return tuple(str(_text({"allowed": one}, "allowed", where)) for one in found)


def _pattern(value: Mapping[str, Any], where: str) -> str | None:
    pattern = read_name(value, "pattern", None, where)
    try:
        re.compile(pattern or "")
    except re.error as error:
        raise ConfigurationError(f"{where}: pattern is no regular expression: {error}.") from error
    return pattern


def read_csv_format(settings: Mapping[str, Any], where: str) -> CsvFormat:
    """Return how CSV files are written, or raise an error that names what COPY could not be told either."""
    refuse_unknown(settings, CSV_SETTINGS, where)
    found = CsvFormat(
        delimiter=_one_character(settings, "delimiter", ",", where),
        quote=_one_character(settings, "quote", '"', where),
        encoding=_encoding(settings, where),
        null=_text(settings, "null", where) or "",
    )
    if found.delimiter == found.quote:
        raise ConfigurationError(f"{where}: delimiter and quote must differ.")
    if set(found.null) & {found.delimiter, found.quote, "\r", "\n", "\0"}:
        raise ConfigurationError(f"{where}: null cannot hold the delimiter, the quote or a line's end.")
    return found


def _one_character(settings: Mapping[str, Any], name: str, default: str, where: str) -> str:
    found = settings.get(name, default)
    if not isinstance(found, str) or len(found) != 1 or not found.isascii() or found in "\r\n\0":
        raise ConfigurationError(f'{where}: {name} must be one ASCII character, such as ";" or "\\t", not {found!r}.')
    return found


def _encoding(settings: Mapping[str, Any], where: str) -> str:
    found = str(read_name(settings, "encoding", "utf-8", where))
    try:
        "a".encode(found)  # refuses hex, zip and their kind, which lookup() knows too
        return codecs.lookup(found).name
    except LookupError as error:
        raise ConfigurationError(
            f'{where}: encoding {found!r} is unknown. Usual are "utf-8", "cp1252" and "utf-16".'
        ) from error
