"""`starlift exports`: tables that arrive as full exports."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from cli import arguments
from cli.console import out, print_json, reporting

if TYPE_CHECKING:
    from local.export_standing import SeriesStanding

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


@app.command("status")
def status(
    registry: RegistryName,
    series: Series = None,
    versions: Versions = 10,
    as_json: arguments.Json = False,
) -> None:
    """Show where each table's newest versions stand, who holds its lock, and what failed."""
    from local.export_standing import read_export_standing  # boto3 is slow to import

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
        changes = " ".join(f"{count:,} {operation}" for operation, count in entry.counts.items()) or "·"
        at = (entry.ended_at or entry.started_at or entry.registered_at)[:19].replace("T", " ")
        numbers = (f"{entry.files:,}", f"{entry.bytes:,}", changes, str(entry.attempts))
        table.add_row(entry.version, entry.status.value, *numbers, at, entry.execution)
    out.print(table)
    for sentence in standing.remarks:
        out.print(sentence, style="yellow", soft_wrap=True)
