"""`starlift files`: dropped files, from a machine rather than from a bucket."""

from pathlib import Path
from typing import Annotated

import typer

from cli import arguments
from cli.console import out, print_json, reporting
from local.telemetry.shape import Format, Order

app = typer.Typer(help="Dropped files: write examples of them.", no_args_is_help=True)

FormatOption = Annotated[Format, typer.Option("--format", help="How the files are written.")]
Files = Annotated[int, typer.Option("--files", min=1, help="How many files.")]
Records = Annotated[int, typer.Option("--records", min=0, help="How many records in each.")]
BadShare = Annotated[float, typer.Option("--bad-share", min=0, max=1, help="Which share of them breaks a rule.")]
Seed = Annotated[int, typer.Option("--seed", help="The same seed writes the same bytes.")]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write to; created when absent.")]


@app.command("generate")
def generate(
    out_folder: Out,
    format_: FormatOption = Format.CSV,
    files: Files = 1,
    records: Records = 1000,
    bad_share: BadShare = 0.0,
    seed: Seed = 0,
    as_json: arguments.Json = False,
) -> None:
    """Write files of vehicle readings, as the project projects/telemetry takes them."""
    from local.telemetry.generator import write_files

    with reporting(as_json):
        written = write_files(out_folder.expanduser(), Order(format_, files, records, bad_share, seed))
    if as_json:
        print_json({"files": [str(path) for path in written]})
        return
    for path in written:
        out.print(str(path))
