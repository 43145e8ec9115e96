"""`starlift exports`: tables that arrive as full exports."""

import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from cli import arguments
from cli.console import error_record, out, print_json, reporting
from utils.errors import ConfigurationError, PipelineError
from utils.export_table import ExportVersion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.exports import resync as exports_resync
    from local.exports import run as exports_run
    from local.exports.standing import SeriesStanding

app = typer.Typer(help="Tables that arrive as full exports.", no_args_is_help=True)

RegistryName = Annotated[
    str,
    typer.Option(
        "--registry",
        envvar="STARLIFT_REGISTRY",
        metavar="FILE|dynamodb://TABLE",
        show_envvar=True,
        help="Where every version's state is kept.",
    ),
]
Series = Annotated[str | None, typer.Argument(metavar="TENANT/TABLE", help="One table only.")]
Versions = Annotated[int, typer.Option("--versions", min=1, help="How many of each table's newest versions.")]

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
CHANGES = ("inserted", "updated", "deleted")

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
AcceptDeletes = Annotated[
    bool, typer.Option("--accept-deletes", help="Take out any number of rows that the export does not have.")
]


@app.command("status")
def status(
    registry: RegistryName,
    series: Series = None,
    versions: Versions = 10,
    as_json: arguments.Json = False,
) -> None:
    """Show where each table's newest versions stand, who holds its lock, and what failed."""
    from local.exports.standing import read_export_standing  # boto3 is slow to import

    with reporting(as_json):
        found = read_export_standing(registry, series, versions)
    if as_json:
        print_json({"tables": [each.to_record() for each in found]})
        return
    if not found:
        out.print("No export yet.")
    for each in found:
        _print(each)


def _print(standing: "SeriesStanding") -> None:
    table = Table(
        "version", "status", "files", "bytes", "changes", "attempts", "at", "execution", title=standing.series
    )
    table.title_justify = "left"
    for entry in standing.versions:
        changes = _told(entry.counts) or "·"
        at = (entry.ended_at or entry.started_at or entry.registered_at)[:19].replace("T", " ")
        numbers = (f"{entry.files:,}", f"{entry.bytes:,}", changes, str(entry.attempts))
        table.add_row(entry.version, entry.status.value, *numbers, at, entry.execution)
    out.print(table)
    for sentence in standing.remarks:
        out.print(sentence, style="yellow", soft_wrap=True)


def _told(counts: "Mapping[str, int]") -> str:
    return ", ".join(f"{counts[what]:,} {what}" for what in CHANGES if what in counts)


@app.command("run")
def run(
    series: OneSeries,
    project: arguments.ProjectFolder,
    warehouse: arguments.Warehouse,
    exports: Exports,
    registry: RegistryName,
    version: Annotated[
        str | None, typer.Argument(metavar="VERSION", help="This one; without it all later than the last success.")
    ] = None,
    changes: Annotated[
        str, typer.Option("--changes", metavar="DIR|s3://BUCKET", help="Where computed changes are kept.")
    ] = "changes",
    replay: Annotated[bool, typer.Option("--replay", help="Bring the target back to an older version.")] = False,
    accept_deletes: AcceptDeletes = False,
    accept_dropped_columns: Annotated[
        bool, typer.Option("--accept-dropped-columns", help="Go on without columns that the export no longer has.")
    ] = False,
    as_json: arguments.Json = False,
) -> None:
    """Take versions from their folder into the target on this machine, as the deployed pipeline does."""
    from local.exports import resync as exports_resync
    from local.exports import run as exports_run  # DuckDB is slow to import
    from utils.export_project import read_exports

    given = {"deletes": accept_deletes, "dropped_columns": accept_dropped_columns}
    asked = exports_run.Asked(replay, frozenset(what for what, is_given in given.items() if is_given))
    with reporting(as_json):
        if version is None and (asked.replay or asked.accepted):
            raise ConfigurationError("A confirmation counts for one version only. Name it after TENANT/TABLE.")
        folder = arguments.project_folder(project)
        tenant, table = exports_resync.parse_series(series, read_exports(folder))
        with exports_run.open_run(exports_run.Places(folder, exports, changes, registry, warehouse)) as opened:
            names = [version] if version else opened.waiting(tenant, table.name)
            done = [_run(opened, ExportVersion(tenant, table.name, name), asked, as_json) for name in names]
    if as_json:
        print_json({"versions": done})
    elif not done:
        out.print(f"{series}: nothing complete and new in {exports}.")
    if any("error" in each for each in done):
        raise typer.Exit(1)


def _run(
    run: "exports_run.LocalRun", version: ExportVersion, asked: "exports_run.Asked", as_json: bool
) -> dict[str, object]:
    """Take one version in, and tell how it ended; its failure keeps no later one out."""
    try:
        ended = run.run(version, asked)
    except PipelineError as error:  # the narration has told it, with its version
        return {"version": version.version, "status": "failed", "error": error_record(error)}
    if not as_json:
        told = _told(ended.counts)
        out.print(f"{version.series} {version.version} {ended.status}{': ' if told else ''}{told}", soft_wrap=True)
    return asdict(ended)


@app.command("give-up")
def give_up(
    series: OneSeries,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="The version that cannot be finished.")],
    registry: RegistryName,
    yes: Yes = False,
    as_json: arguments.Json = False,
) -> None:
    """Give up a version that stopped half published and can never be finished, so that later ones come in.

    What the stream has of it is applied, the rest is not: deliver a later version, then resync.
    """
    from extraction.exports import giving_up  # boto3 is slow to import
    from utils.registry.open_registry import open_known_registry

    with reporting(as_json):
        opened = open_known_registry(registry)
        giving_up.check_stopped(opened.head(series), version)
        if not yes:
            _ask(f"Give up {series} {version}? The target keeps a part of it until a later version and a resync.")
        giving_up.give_up(opened, series, version, time.time)
    if as_json:
        print_json({"series": series, "given_up": version})
        return
    out.print(f"{series} {version} is given up; later versions of the table come in again.")
    out.print(
        f"The target may hold a part of it: once a later version succeeded, starlift exports resync {series}",
        style="yellow",
        soft_wrap=True,
    )


@app.command("resync")
def resync(
    series: OneSeries,
    project: arguments.ProjectFolder,
    warehouse: arguments.Warehouse,
    exports: Exports,
    registry: RegistryName,
    accept_deletes: AcceptDeletes = False,
    yes: Yes = False,
    as_json: arguments.Json = False,
) -> None:
    """Compare a target with the last export that succeeded, and make it the same: lost changes come back."""
    from local.exports import resync as exports_resync  # DuckDB and boto3 are slow to import
    from utils.export_project import read_exports
    from utils.open_store import open_store
    from utils.registry.open_registry import open_known_registry

    with reporting(as_json):
        tenant, table = exports_resync.parse_series(series, read_exports(arguments.project_folder(project)))
        opened = exports_resync.Series(table, tenant, open_store(exports), open_known_registry(registry), warehouse)
        found = _mended(opened, accept_deletes, yes, as_json)
    if as_json:
        print_json({"version": found.version, **asdict(found.difference)})


def _mended(
    series: "exports_resync.Series", accept_deletes: bool, yes: bool, as_json: bool
) -> "exports_resync.Compared":
    """Show the differences, ask, and mend; what is told at the end is what was mended."""
    if not yes:
        found = series.compare()
        if found.difference.is_none:
            _tell(found, "equals", as_json)
            return found
        _tell(found, "differs from", as_json)
        _ask("Mend the target?")
    done = series.mend(accept_deletes)
    _tell(done, "equals" if done.difference.is_none else "was mended to", as_json)
    return done


def _ask(question: str) -> None:
    if not sys.stdin.isatty():
        raise ConfigurationError("Nobody is there to ask; give --yes to go on without a question.")
    typer.confirm(question, abort=True)


def _tell(found: "exports_resync.Compared", how: str, as_json: bool) -> None:
    if as_json:
        return
    rows = found.difference
    out.print(f"The target {how} export {found.version} of {rows.rows:,} rows.")
    if not rows.is_none:
        out.print(f"{rows.missing:,} missing, {rows.different:,} different, {rows.extra:,} not in the export.")
