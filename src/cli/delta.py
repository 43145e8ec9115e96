"""`starlift delta`: what changed between two exports of a table."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import arguments
from cli.console import err, out, print_json, reporting
from local.narration import counted
from utils.errors import ConfigurationError
from utils.export_table import ExportTable, Format
from utils.postgres.names import TableName

if TYPE_CHECKING:
    from transformation.delta.compare import Comparison

DEFAULT_OUT = Path("changes.jsonl")

Old = Annotated[
    Path, typer.Argument(metavar="OLD", exists=True, help="The earlier export: a file, or a folder of files.")
]
New = Annotated[Path, typer.Argument(metavar="NEW", exists=True, help="The later export.")]
Key = Annotated[list[str], typer.Option("--key", metavar="COLUMN", help="A column of the primary key; repeat it.")]
FormatName = Annotated[
    Format | None, typer.Option("--format", help="How both are written, if their names do not tell.")
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="FILE", help="Where to write the changes, a JSON object a line; changes.jsonl if new."
    ),
]
Delimiter = Annotated[str, typer.Option("--delimiter", metavar="CHARACTER", help="What separates values of a CSV.")]
Null = Annotated[str, typer.Option("--null", metavar="TEXT", help="What stands for NULL in a CSV when not quoted.")]


def delta(
    old: Old,
    new: New,
    key: Key,
    format_: FormatName = None,
    out_file: Out = None,
    delimiter: Delimiter = ",",
    null: Null = "",
    as_json: arguments.Json = False,
) -> None:
    """Compare two exports, write every INSERT, UPDATE and DELETE between them, and count them."""
    from local.delta import LocalExports, format_of  # DuckDB takes a moment

    with reporting(as_json):
        path = _free_place(out_file, old, new)
        written = format_ or format_of(new)
        name = new.name.partition(".")[0] or new.name
        table = ExportTable(name, tuple(key), TableName("public", name), written, delimiter, null=null)
        tell = (lambda _text: None) if as_json else err.print
        comparison = LocalExports(old, new, table).compare(path, tell)
    if as_json:
        print_json(_as_record(comparison, path))
    else:
        _print(comparison, path)


def _free_place(chosen: Path | None, old: Path, new: Path) -> Path:
    if chosen is None and DEFAULT_OUT.exists():
        raise ConfigurationError(f"{DEFAULT_OUT} exists already. Name the file to write with --out.")
    path = chosen or DEFAULT_OUT
    if path.exists() and any(path.samefile(export) for export in (old, new)):
        raise ConfigurationError(f"{path} is one of the exports. Name another file with --out.")
    if not path.absolute().parent.is_dir():
        raise ConfigurationError(
            f"{path.absolute().parent} is not a folder. Create it, or name another file with --out."
        )
    return path


def _as_record(comparison: "Comparison", path: Path) -> dict[str, object]:
    counts = {**asdict(comparison.counts), "unchanged": comparison.counts.unchanged}
    columns = {"columns_added": comparison.added, "columns_dropped": comparison.dropped}
    return {**counts, **columns, "out": str(path)}


def _print(comparison: "Comparison", path: Path) -> None:
    from transformation.delta.guards import too_many_deletes
    from utils.export_table import MAX_DELETED_SHARE

    counts = comparison.counts
    for what in ("inserted", "updated", "deleted", "unchanged"):
        out.print(f"{what:<10}{getattr(counts, what):>14,}")
    out.print(f"{counted(counts.changes, 'change')} in {path}; {counts.before:,} rows before, {counts.after:,} after.")
    for names, meaning in (
        (comparison.added, "new; NULL before"),
        (comparison.dropped, "gone, and in no change. A pipeline would stop and ask"),
    ):
        if names:
            err.print(f"Columns {', '.join(names)}: {meaning}.", style="yellow")
    if too_many_deletes(counts, MAX_DELETED_SHARE):
        err.print("So many rows are gone that a pipeline would stop and ask.", style="yellow")
