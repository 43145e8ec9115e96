"""PostgreSQL names: quoted for SQL, and read from what people write in a project."""

import re
from dataclasses import dataclass

from utils.errors import ConfigurationError

_PART = re.compile(r'"((?:[^"]|"")+)"|([^".]+)')


def identifier(name: str) -> str:
    """Return the name quoted for SQL."""
    if not name or "\0" in name:
        raise ConfigurationError(f"{name!r} cannot be a PostgreSQL name.")
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """Return the text quoted for SQL where a statement, such as COPY, can bind no parameter."""
    if "\0" in value:
        raise ConfigurationError("A text for PostgreSQL cannot hold a zero byte.")
    return "'" + value.replace("'", "''") + "'" if "\\" not in value else " E'" + _escaped(value) + "'"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "''")


def column_list(names: tuple[str, ...], alias: str = "") -> str:
    """Return names quoted and joined by commas, each behind the alias if there is one."""
    return ", ".join(f"{alias}.{identifier(name)}" if alias else identifier(name) for name in names)


@dataclass(frozen=True)
class TableName:
    """A table or view in a schema."""

    schema: str
    table: str

    @property
    def sql(self) -> str:
        """The name quoted for SQL."""
        return f"{identifier(self.schema)}.{identifier(self.table)}"


def parse_table_name(text: str, default_schema: str) -> TableName:
    """Read `table`, `schema.table` or either part in double quotes; the spelling is kept as it is."""
    parts = [quoted.replace('""', '"') or plain for quoted, plain in _PART.findall(text)]
    if ".".join(match.group(0) for match in _PART.finditer(text)) != text or len(parts) not in (1, 2):
        raise ConfigurationError(f"{text!r} is not a table name; write table or schema.table.")
    return TableName(*parts) if len(parts) == 2 else TableName(default_schema, parts[0])
