"""A CSV's header against the table's columns."""

from collections.abc import Sequence

from utils.errors import FileRefusedError
from utils.file_table import FileTable

MAX_TOLD, MAX_TOLD_LENGTH = 50, 63  # names, and characters of each, as many as PostgreSQL has


def column_positions(table: FileTable, key: str, header: Sequence[str]) -> list[int]:
    """Return where in the file each of the table's columns is, or raise FileRefusedError that names what is wrong."""
    sources = [column.source for column in table.columns]
    _refuse(key, "has more than once", [name for name in sources if header.count(name) > 1], header)
    _refuse(key, "lacks", [name for name in sources if name not in header], header)
    unknown = [name for name in header if name not in sources and name not in table.ignored]
    _refuse(key, f"has what {table.folder} does not know", unknown, header)
    return [header.index(name) for name in sources]


def _told(names: Sequence[str]) -> str:
    """Return the names as far as a log can bear them: a file without a header has values there, and perhaps a text."""
    told = [repr(name if len(name) <= MAX_TOLD_LENGTH else f"{name[:MAX_TOLD_LENGTH]}...") for name in names]
    more = [f"and {len(told) - MAX_TOLD:,} more"] if len(told) > MAX_TOLD else []
    return ", ".join([*told[:MAX_TOLD], *more])


def _refuse(key: str, what: str, names: list[str], header: Sequence[str]) -> None:
    if names:
        raise FileRefusedError(
            f"{key}: the header {what}: {_told(names)}. Its columns are {_told(header)}. Mend the file, or declare "
            "the columns as the file has them (ignore = [...] for those to leave out)."
        )
