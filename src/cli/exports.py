"""`starlift exports`: full exports, and the targets that follow them."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import arguments
from cli.console import out, print_json, reporting
from utils.errors import ConfigurationError

if TYPE_CHECKING:
    from local.exports_resync import Compared, Series

app = typer.Typer(help="Tables that arrive as full exports.", no_args_is_help=True)

OneSeries = Annotated[str, typer.Argument(metavar="TENANT/TABLE", help="Whose table, and which.")]
Exports = Annotated[
    str,
    typer.Option(
        "--exports",
        envvar="STARLIFT_EXPORTS",
        metavar="DIR|s3://BUCKET",
        show_envvar=True,
        help="Where exports arrive, as TENANT/TABLE/VERSION/FILE.",
    ),
]
Registry = Annotated[
    str,
    typer.Option(
        "--registry",
        envvar="STARLIFT_REGISTRY",
        metavar="FILE|dynamodb://TABLE",
        show_envvar=True,
        help="What remembers the versions, and which of them succeeded.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
AcceptDeletes = Annotated[
    bool, typer.Option("--accept-deletes", help="Take out any number of rows that the export does not have.")
]


@app.command("resync")
def resync(
    series: OneSeries,
    project: arguments.ProjectFolder,
    warehouse: arguments.Warehouse,
    exports: Exports,
    registry: Registry,
    accept_deletes: AcceptDeletes = False,
    yes: Yes = False,
    as_json: arguments.Json = False,
) -> None:
    """Compare a target with the last export that succeeded, and make it the same: lost changes come back."""
    from local.exports_resync import Series, parse_series
    from utils.export_project import read_exports
    from utils.open_store import open_store
    from utils.registry.open_registry import open_registry

    with reporting(as_json):
        tenant, table = parse_series(series, read_exports(Path(project).expanduser()))
        opened = Series(table, tenant, open_store(exports), open_registry(registry), warehouse)
        found = _mended(opened, accept_deletes, yes, as_json)
    if as_json:
        print_json({"version": found.version, **asdict(found.difference)})


def _mended(series: "Series", accept_deletes: bool, yes: bool, as_json: bool) -> "Compared":
    """Show the differences, ask, and mend; what is told at the end is what was mended."""
    if not yes:
        found = series.compare()
        if found.difference.is_none:
            _tell(found, "equals", as_json)
            return found
        _tell(found, "differs from", as_json)
        _ask()
    done = series.mend(accept_deletes)
    _tell(done, "equals" if done.difference.is_none else "was mended to", as_json)
    return done


def _ask() -> None:
    if not sys.stdin.isatty():
        raise ConfigurationError("Nobody is there to ask; give --yes to mend without a question.")
    typer.confirm("Mend the target?", abort=True)


def _tell(found: "Compared", how: str, as_json: bool) -> None:
    if as_json:
        return
    rows = found.difference
    out.print(f"The target {how} export {found.version} of {rows.rows:,} rows.")
    if not rows.is_none:
        out.print(f"{rows.missing:,} missing, {rows.different:,} different, {rows.extra:,} not in the export.")
