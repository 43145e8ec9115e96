"""A project's query, tried over an empty lake before a record comes."""

import re
import tempfile
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlglot
from sqlglot import expressions
from sqlglot.errors import SqlglotError

from local.delivery.athena_lake import Answer, Lake, RefusedQueryError
from transformation.query.bound import Bound, names_in
from transformation.query.rows import READERS, read_columns
from transformation.query.statement import compose, names_of, read_query
from transformation.query.window import Window
from utils.delivery_project import DeliveryProject
from utils.errors import ConfigurationError
from utils.folder_store import FolderStore
from utils.project_file import read_text

DATABASE = "check"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
NESTED = ("decimal(", "struct(", "map(")
# What DuckDB refuses and Athena would too. Else DuckDB may merely lack a function, or know it with other arguments.
SURE = ("not found in FROM clause", "Ambiguous reference", "Cannot compare values", "Table with name")
AROUND = re.compile(r"^(Binder|Catalog) Error: |\n*Did you mean.*|\n\nLINE.*", re.DOTALL)


def check_query(project: DeliveryProject) -> str | None:
    """Return why the query could not be tried here, None if it was, or raise ConfigurationError for a sure mistake."""
    file = project.query.file
    query = read_query(project)
    _check_form(query, file)
    _check_unused(project, file)
    try:
        answer = _ask(query, project)
    except RefusedQueryError as error:
        return _judged(error, file)
    described = [{"Name": name, "Type": _as_athena_tells(kind)} for name, kind in answer.columns]
    try:
        read_columns(described, names_of(project))
    except ConfigurationError as error:
        raise ConfigurationError(f"{file}: {error}") from error
    return None


def _check_form(query: Bound, file: Path) -> None:
    """Refuse what is not one SELECT, or has a parameter in a list of columns."""
    try:
        parsed = sqlglot.parse(query.sql, read="athena")
    except SqlglotError as error:
        raise ConfigurationError(f"{file}: {_told(error)}") from error
    if len(parsed) != 1 or not isinstance(parsed[0], expressions.Query):
        raise ConfigurationError(f"{file}: a query is one SELECT over raw.")
    _check_names(parsed[0].named_selects, file)
    for select in parsed[0].find_all(expressions.Select):
        if any(column.find(expressions.Placeholder) for column in select.expressions):
            raise ConfigurationError(
                f"{file}: a parameter is in a list of columns, where Athena takes none. Use it in WHERE."
            )


def _check_names(names: Sequence[str], file: Path) -> None:
    counts = Counter(name.lower() for name in names)
    if twice := [name for name, count in counts.items() if count > 1]:
        raise ConfigurationError(f"{file}: two columns are named {twice[0]}. Rename one.")


def _told(error: SqlglotError) -> str:
    """Return where and why a text cannot be read, without the colours that sqlglot adds for a terminal."""
    for found in getattr(error, "errors", ()):
        return (
            f"line {found['line']}, near {found['highlight']!r}: {found['description'].rstrip('.')}. Correct the SQL."
        )
    return f"{str(error).splitlines()[0]}. Correct the SQL."


def _check_unused(project: DeliveryProject, file: Path) -> None:
    used = names_in(read_text(file, file.parent))
    if unused := sorted(set(project.query.parameters) - used):
        raise ConfigurationError(
            f"{file}: [query.parameters] declares {unused[0]}, but the query does not use :{unused[0]}. "
            "Use it, or remove it."
        )


def _ask(query: Bound, project: DeliveryProject) -> Answer:
    statement = compose(query, project, Window(NOW - timedelta(hours=1), NOW), DATABASE)
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(FolderStore(Path(folder) / "lake"), Path(folder) / "copy", project, DATABASE)
        return lake.ask(statement.sql, statement.literals)


def _judged(error: RefusedQueryError, file: Path) -> str:
    """Return DuckDB's reason; raise it where Athena's would be the same."""
    reason = " ".join(AROUND.sub("", str(error.__cause__ or error)).split())
    if any(sure in reason for sure in SURE):
        raise ConfigurationError(
            f"{file}: {reason.rstrip('.!')}. The query reads raw, which has a column for each field."
        )
    return reason


def _as_athena_tells(kind: str) -> str:
    """Return a type's name; one that only DuckDB tells counts as text, unless JSON has none like it."""
    return kind if kind in READERS or kind.startswith(NESTED) or kind.endswith("]") else "varchar"
