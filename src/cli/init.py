"""`starlift init`: a first project from a live database."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from cli import arguments
from cli.console import out, print_json, reporting
from local.narration import counted
from utils.errors import ConfigurationError

Folder = Annotated[
    str, typer.Argument(metavar="DIR", help="Folder to write the project into; it must be new or empty.")
]


def init(folder: Folder, source: arguments.Source, as_json: arguments.Json = False) -> None:
    """Draft pipeline.toml and models from a database's catalogue, so that `starlift run` works on it at once."""
    from local.warehouse.drafting import draft_project

    path = Path(folder).expanduser()
    with reporting(as_json):
        if path.exists() and any(path.iterdir()):
            raise ConfigurationError(f"{path} is not empty. Name a new folder, so that nothing is overwritten.")
        draft = draft_project(path.resolve().name, source)
        _write(path, draft.files)
    if as_json:
        print_json({"folder": str(path), "facts": draft.facts, "dimensions": draft.dimensions})
        return
    drafted = f"{counted(len(draft.facts), 'fact')} and {counted(len(draft.dimensions), 'dimension')}"
    out.print(f"Drafted {drafted} in {path}:")
    out.print(*(f"  {name}" for name in sorted(draft.files)), sep="\n")
    out.print(f"Read the guesses, then: starlift run --project {path} --warehouse URL --store DIR")


def _write(path: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        target = path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
