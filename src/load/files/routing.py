"""Which table a dropped file belongs to: the one that the first folder of its key names."""

from collections.abc import Sequence
from typing import Any

from utils.errors import UnroutableError
from utils.file_table import FileColumn, FileProject, FileTable, Mode, NewContent
from utils.postgres.names import TableName
from utils.postgres.session import Session

# A view, a foreign table or a partition is not what somebody means by a table to drop files into.
EXISTS = """
SELECT EXISTS (
    SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = :schema AND c.relname = :name AND c.relkind IN ('r', 'p') AND NOT c.relispartition
)
"""
# Numbers that the table counts by itself, and what it computes, do not come in files.
COLUMNS = """
SELECT a.attname::text AS name, pg_catalog.format_type(a.atttypid, a.atttypmod) AS type
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE n.nspname = :schema AND c.relname = :name AND a.attidentity = '' AND a.attgenerated = ''
  AND coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid), '') NOT LIKE 'nextval(%'
ORDER BY a.attnum
"""


def folder_of(key: str) -> str:
    """Return the key's first folder, or raise UnroutableError when it has none."""
    folder, slash, rest = key.partition("/")
    if not folder or not slash or not rest:
        raise UnroutableError(
            f"The file {key!r} is in no folder, and the folder names the table. Put it into <table>/.", key=key
        )
    return folder


def find_table(session: Session, project: FileProject, key: str) -> FileTable:
    """Return the table of the key's folder: a declared one, or one that exists where the project allows it."""
    folder = folder_of(key)
    if declared := project.tables.get(folder):
        return declared
    if found := _find_existing(session, project, folder):
        return found
    known = ", ".join(sorted(project.tables)) or "none"
    raise UnroutableError(
        f"The file {key!r} is in the folder {folder!r}, which names no table of the project; there are {known}. "
        f"Declare it in files/{folder}.toml, or move the file.",
        key=key,
    )


def _find_existing(session: Session, project: FileProject, folder: str) -> FileTable | None:
    """Return the table of the project's one schema that has the folder's name, and no declaration under another."""
    name = TableName(project.existing_schema or "", folder)
    if not project.existing_schema or name in {table.name for table in project.tables.values()}:
        return None  # by its own name a declared table would be filled past its rules
    return _existing(session, name)


def _existing(session: Session, name: TableName) -> FileTable | None:
    if "\0" in name.table or not session.value(EXISTS, schema=name.schema, name=name.table):
        return None
    return FileTable(
        name=name,
        folder=name.table,
        columns=_columns(session.rows(COLUMNS, schema=name.schema, name=name.table)),
        mode=Mode.APPEND,
        new_content=NewContent.APPEND,
        is_declared=False,
    )


def _columns(found: Sequence[dict[str, Any]]) -> tuple[FileColumn, ...]:
    return tuple(FileColumn(row["name"], row["type"], row["name"]) for row in found)
