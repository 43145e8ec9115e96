"""Rows of Athena's answers, from their text to values of JSON."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from utils.delivery_project import Value
from utils.errors import ConfigurationError

Record = dict[str, Value]  # what is null is left out
Reader = Callable[[str], Value]


def _is_true(text: str) -> bool:
    return text == "true"


READERS: Mapping[str, Reader] = {
    **dict.fromkeys(("varchar", "char", "string", "date", "timestamp", "timestamp with time zone"), str),
    **dict.fromkeys(("tinyint", "smallint", "int", "integer", "bigint"), int),
    **dict.fromkeys(("double", "float", "real"), float),
    "boolean": _is_true,
}


@dataclass(frozen=True)
class Column:
    """One column of an answer."""

    name: str
    read: Reader


def read_columns(described: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> list[Column]:
    """Return an answer's columns under the names that the project gives them."""
    columns = [Column(names.get(each["Name"].lower(), each["Name"]), _reader(each)) for each in described]
    found = [column.name for column in columns]
    if missing := {"id", "objectKey"}.difference(found):
        raise ConfigurationError(f"The query selects no {' and no '.join(sorted(missing))}. Select them unchanged.")
    if len(set(found)) < len(found):
        raise ConfigurationError(f"Two columns of the query have one name; it gives {', '.join(found)}. Rename one.")
    return columns


def _reader(described: Mapping[str, Any]) -> Reader:
    found = READERS.get(described["Type"])
    if found is None:
        raise ConfigurationError(
            f"The query's column {described['Name']} is of type {described['Type']}, of which JSON has none. "
            "CAST it to double or varchar."
        )
    return found


def read_rows(rows: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> Iterator[Record]:
    """Yield rows as records."""
    for row in rows:
        cells = zip(columns, row["Data"], strict=True)
        yield {column.name: column.read(cell["VarCharValue"]) for column, cell in cells if "VarCharValue" in cell}
