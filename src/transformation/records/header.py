"""A CSV's header against the table's columns."""

from collections.abc import Sequence

from utils.errors import FileRefusedError
from utils.file_table import FileTable


def column_positions(table: FileTable, key: str, header: Sequence[str]) -> list[int]:
    """Return where in the file each of the table's columns is, or raise FileRefusedError that names what is wrong."""
    sources = [column.source for column in table.columns]
    _refuse(key, "has more than once", [name for name in sources if header.count(name) > 1], header)
    _refuse(key, "lacks", [name for name in sources if name not in header], header)
    unknown = [name for name in header if name not in sources and name not in table.ignored]
    _refuse(key, f"has what {table.folder} does not know", unknown, header)
    return [header.index(name) for name in sources]


def _refuse(key: str, what: str, names: list[str], header: Sequence[str]) -> None:
    if names:
        quoted = ", ".join(repr(name) for name in names)
        raise FileRefusedError(
            f"{key}: the header {what}: {quoted}. Its columns are {', '.join(header)!r}. Mend the file, or declare "
            "the columns as the file has them (ignore = [...] for those to leave out)."
        )
