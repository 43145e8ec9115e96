"""The arguments that several verbs take, each described once."""

from pathlib import Path
from typing import Annotated

import typer

from utils.errors import ConfigurationError
from utils.postgres.url import FORM, DatabaseUrl, parse_url
from utils.project import Project, read_project


def database(text: str) -> DatabaseUrl:
    """Read a database URL given on the command line; a wrong one is wrong usage."""
    try:
        return parse_url(text)
    except ConfigurationError as error:
        raise typer.BadParameter(str(error)) from error


def project_folder(text: str) -> Path:
    """Return the project folder named on the command line; one that is not there is wrong usage."""
    folder = Path(text).expanduser()
    if not folder.is_dir():
        wanted = "A project is a folder with a pipeline.toml, and models/, files/, exports/ or delivery.toml."
        raise typer.BadParameter(f"{folder} is not a folder. {wanted}")
    return folder


def project(text: str) -> Project:
    """Read the project folder named on the command line."""
    return read_project(project_folder(text))


def project_with_models(text: str) -> Project:
    """Read a project that has models, or raise ConfigurationError that tells what serves the others."""
    found = project(text)
    if not found.models:
        raise ConfigurationError(
            f"{text} has no models, which follow a source database; write models/. For dropped files there is "
            "`starlift files load`, for exports `starlift delta`, and records come by POST to a deployment."
        )
    return found


_PASSWORDS = "The password belongs in PGPASSWORD or the pgpass file: an argument shows in the process list."

ProjectFolder = Annotated[
    str,
    typer.Option(
        "--project",
        envvar="STARLIFT_PROJECT",
        metavar="DIR",
        show_envvar=True,
        help="Folder with pipeline.toml, and what it declares: models/, files/, exports/ or delivery.toml.",
    ),
]
Source = Annotated[
    DatabaseUrl,
    typer.Option(
        "--source",
        envvar="STARLIFT_SOURCE",
        parser=database,
        metavar="URL",
        show_envvar=True,
        help=f"Database to read: {FORM} {_PASSWORDS}",
    ),
]
OptionalSource = Annotated[
    DatabaseUrl | None,
    typer.Option(
        "--source",
        envvar="STARLIFT_SOURCE",
        parser=database,
        metavar="URL",
        show_envvar=True,
        help="Check names and types against this database too.",
    ),
]
Warehouse = Annotated[
    DatabaseUrl,
    typer.Option(
        "--warehouse",
        envvar="STARLIFT_WAREHOUSE",
        parser=database,
        metavar="URL",
        show_envvar=True,
        help="Database to write, in the same form.",
    ),
]
Target = Annotated[
    DatabaseUrl,
    typer.Option(
        "--target",
        envvar="STARLIFT_TARGET",
        parser=database,
        metavar="URL",
        show_envvar=True,
        help=f"Database whose tables take the files: {FORM} {_PASSWORDS}",
    ),
]
Store = Annotated[
    str,
    typer.Option(
        "--store",
        envvar="STARLIFT_STORE",
        metavar="DIR|s3://BUCKET/PREFIX",
        show_envvar=True,
        help="Where batches rest between the stages; it holds the state. A deployment's: s3://LANDING,s3://PROCESSED.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a report.")]
