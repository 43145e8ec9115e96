"""`starlift files`: dropped files, from a machine rather than from a bucket."""

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table

from cli import arguments
from cli.console import err, out, print_json, reporting, show_error
from local.telemetry.shape import Format, Order
from utils.errors import FileRefusedError, PipelineError

if TYPE_CHECKING:
    from load.files.ledger import Report
    from local.file_loading import FileJob

app = typer.Typer(help="Dropped files: load them, upload them, write examples of them.", no_args_is_help=True)

FormatOption = Annotated[Format, typer.Option("--format", help="How the files are written.")]
Files = Annotated[int, typer.Option("--files", min=1, help="How many files.")]
Records = Annotated[int, typer.Option("--records", min=0, help="How many records in each.")]
BadShare = Annotated[float, typer.Option("--bad-share", min=0, max=1, help="Which share of them breaks a rule.")]
Seed = Annotated[int, typer.Option("--seed", help="The same seed writes the same bytes.")]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write to; created when absent.")]

Names = Annotated[list[str], typer.Argument(metavar="FILE|s3://BUCKET/TABLE/FILE...", help="What to load.")]
OfTable = Annotated[str | None, typer.Option("--table", help="Folder that local files count as being in.")]
Quarantine = Annotated[
    str, typer.Option("--quarantine", metavar="DIR|s3://BUCKET/PREFIX", help="Where rejected rows are written.")
]
Paths = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files to upload.")]
Address = Annotated[str, typer.Option("--to", metavar="s3://BUCKET/TABLE/", help="Folder to put them into.")]


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


@app.command("load")
def load(
    project: arguments.ProjectFolder,
    target: arguments.Target,
    names: Names,
    table: OfTable = None,
    quarantine: Quarantine = "quarantine",
    as_json: arguments.Json = False,
) -> None:
    """Load files as the function does: the same tables, rules, quarantine and ledger, and none of them twice."""
    from local.file_loading import open_job

    with reporting(as_json):
        job = open_job(arguments.project(project).folder, target, quarantine)
        done = [(name, *_load(job, name, table, as_json)) for name in names]
    if as_json:
        print_json({"files": [_record(name, report, error) for name, report, error in done]})
    else:
        out.print(_table(done))
    if any(error for _, _, error in done):
        raise typer.Exit(1)


Done = tuple["Report | None", PipelineError | None]


def _load(job: "FileJob", name: str, table: str | None, as_json: bool) -> Done:
    """Load one file behind a bar; an error is told, and keeps no other file out."""
    from local.file_loading import find_file, load_one

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=err, transient=True, disable=as_json or not err.is_terminal) as progress:
            found = find_file(name, table)
            bar = progress.add_task(name, total=found.dropped.bytes)
            return load_one(job, found, lambda count: progress.advance(bar, count)), None
    except PipelineError as error:
        if not as_json:
            show_error(error, as_json)
        return None, error
    except KeyboardInterrupt:
        err.print(f"Interrupted at {name}. A file is loaded whole or not at all: run the same command again.")
        raise


def _record(name: str, report: "Report | None", error: PipelineError | None) -> dict[str, object]:
    if report:
        return {"file": name, **asdict(report)}
    return {"file": name, "outcome": _failure(error), "error": {"type": type(error).__name__, "message": str(error)}}


def _failure(error: PipelineError | None) -> str:
    """Return the ledger's word for a file that was refused, which no other attempt will load."""
    return "refused" if isinstance(error, FileRefusedError) else "failed"


def _table(done: "Iterable[tuple[str, Report | None, PipelineError | None]]") -> Table:
    table = Table(Column("file", overflow="fold"), "outcome", Column("table", overflow="fold"))
    for name in ("read", "loaded", "rejected", "repeated", "seconds"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, report, error in done:
        if report is None:
            table.add_row(name, _failure(error))
            continue
        counts = (report.read, report.copied, report.rejected, report.repeated)
        numbers = ("" if report.outcome == "known" else f"{n:,}" for n in counts)
        table.add_row(name, report.outcome, _plain(report.target), *numbers, f"{report.seconds:.2f}")
    return table


def _plain(target: str) -> str:
    """Return a table's name as a person writes it."""
    return target.replace('"."', ".").removeprefix('"').removesuffix('"')


@app.command("upload")
def upload(files: Paths, address: Address, as_json: arguments.Json = False) -> None:
    """Put files into a folder of a bucket, where the file drop finds them."""
    from local.file_loading import upload as put

    with reporting(as_json):
        addresses = list(put(files, address))
    if as_json:
        print_json({"files": addresses})
        return
    for found in addresses:
        out.print(found)
