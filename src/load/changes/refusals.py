"""What a database refuses of a change, told without the change's values: they are nobody's business in a log."""

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence

from pg8000.exceptions import DatabaseError

from utils.errors import ChangeRefusedError
from utils.postgres.session import sqlstate

# Values that no type or index takes, constraints, views' checks, a trigger's own errors: it is the row, not the server.
OF_A_ROW = ("22", "23", "44", "54", "P0", "428C9")
COPIED_COLUMN = re.compile(r"^COPY staging_\d+, line \d+, column c(\d+)")
PLACES = {"c": "column", "n": "constraint", "t": "table"}  # in the server's report


@contextlib.contextmanager
def refusals_named(copied: Sequence[str] = ()) -> Iterator[None]:
    """Turn an error that the rows cause into one that says where, and never what they hold.

    Args:
        copied: the target's names of the columns that a COPY in the block fills, in order.
    """
    try:
        yield
    except DatabaseError as error:
        state = sqlstate(error)
        if not state.startswith(OF_A_ROW):
            raise
        where = _where(error.args[0], copied)
        said = ", ".join(f"{name} {value}" for name, value in where.items())
        raise ChangeRefusedError(
            f"The target refuses a change with SQLSTATE {state}{f' ({said})' if said else ''}. Mend the source or the "
            "target's definition, and resync the table.",
            sqlstate=state,
            **where,
        ) from None


def _where(report: Mapping[str, str], copied: Sequence[str]) -> dict[str, str]:
    """Return the parts of the server's report that are names."""
    found = COPIED_COLUMN.match(report.get("W", ""))
    if found and copied:
        return {"column": copied[int(found.group(1))]}
    return {name: report[letter] for letter, name in PLACES.items() if letter in report}
