"""The statement that a run asks Athena: the project's query over the window's partitions, less what was queued."""

import re
from collections.abc import Mapping

from transformation.query.bound import Bound, bind, joined
from transformation.query.window import Window, partitions, within
from utils.delivery_project import DeliveryProject, Value
from utils.errors import ConfigurationError
from utils.project_file import read_text

RAW_TABLE = "raw"
QUEUED_TABLE = "queued"
ORIGIN = ("id", "objectKey")  # what ingest adds to each record
DATABASE_NAME = re.compile(r"[A-Za-z0-9_]{1,255}")


def read_query(project: DeliveryProject, given: Mapping[str, Value] | None = None) -> Bound:
    """Return the project's query with its parameters bound, or raise ConfigurationError that names the file."""
    file = project.query.file
    return bind(read_text(file, file.parent), {**project.query.parameters, **(given or {})}, str(file))


def compose(query: Bound, project: DeliveryProject, window: Window, database: str) -> Bound:
    """Return the query over the records of a window: inside it, `raw` is nothing else."""
    columns = ", ".join(f'"{name}"' for name in (*ORIGIN, *(each.name for each in project.fields)))
    head = f"WITH raw AS (\nSELECT {columns}\nFROM {table(database, RAW_TABLE)}\nWHERE "
    when = joined("\nAND ", [partitions(window), within(window, project.timestamp)])
    tail = "\n)\nSELECT * FROM selected"
    return joined("", [Bound(head), when, Bound("\n), selected AS (\n"), query, Bound(tail)])


def leave_out_queued(statement: Bound, window: Window, database: str) -> Bound:
    """Return the statement without the records that the notes of earlier runs name."""
    # Without an id a record is neither in the notes nor out of them; it must come, to be told of.
    head = f"\nWHERE id IS NULL OR id NOT IN (\nSELECT id FROM {table(database, QUEUED_TABLE)}\nWHERE "
    return joined("", [statement, Bound(head), partitions(window), Bound(" AND id IS NOT NULL\n)")])


def table(database: str, name: str) -> str:
    """Return a table's full name, so that the query's own `raw` cannot be meant."""
    if not DATABASE_NAME.fullmatch(database):
        raise ConfigurationError(f"{database!r} is no name of a Glue database. Correct DATABASE.")
    return f'"{database}"."{name}"'


def names_of(project: DeliveryProject) -> dict[str, str]:
    """Return how the project spells the names that Athena may answer in lower case."""
    return {name.lower(): name for name in (*ORIGIN, *(each.name for each in project.fields))}
