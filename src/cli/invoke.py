"""`starlift invoke`: run one built function on this machine."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import arguments
from cli.console import err, print_json, reporting


class Stage(StrEnum):
    """The functions that can be run."""

    EXTRACTION = "extraction"
    TRANSFORMATION = "transformation"
    LOAD = "load"


def invoke(
    function: Annotated[Stage, typer.Argument(help="Which of the three functions.")],
    event: Annotated[Path, typer.Option("--event", metavar="FILE", help="The event; samples are in events/.")],
    project: arguments.ProjectFolder,
    source: arguments.Source,
    warehouse: arguments.Warehouse,
    store: arguments.Store,
    memory: Annotated[int, typer.Option(metavar="MB", help="The function's memory.")] = 1769,
    timeout: Annotated[float, typer.Option(metavar="SECONDS", help="The function's time limit.")] = 900.0,
) -> None:
    """Run one function from its built zip and layer, with Lambda's runtime client and limits, and print its answer."""
    from local.invocation import Surroundings, read_event  # the emulator takes seconds to import
    from local.invocation import invoke as run_function

    with reporting(as_json=False):
        folder = arguments.project(project).folder
        around = Surroundings(folder, source, warehouse, store, memory, timeout)
        result = run_function(function.value, read_event(event), around, _show)
    if result.error is not None:
        _fail(result.error)
    print_json(result.payload)


def _show(_function: str, line: str) -> None:
    err.print(line, markup=False, soft_wrap=True)


def _fail(error: Any) -> None:
    err.print(f"{error['errorType']}: {error['errorMessage']}", style="bold red", markup=False, soft_wrap=True)
    raise typer.Exit(1)
