"""`starlift delta`: what changed between two exports of a table."""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import arguments
from cli.console import err, out, print_json, reporting
from local.narration import counted
from utils.deletes import MAX_DELETED_SHARE, too_many_deletes
from utils.errors import ConfigurationError
from utils.export_project import read_delimiter
from utils.export_table import ExportTable, Format
from utils.postgres.names import TableName

if TYPE_CHECKING:
    from local.exports.delta import LocalExports
    from transformation.delta.compare import Comparison

DEFAULT_OUT = Path("changes.jsonl")
STANDARD_OUTPUT = Path("-")

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
        "--out",
        metavar="FILE",
        help="Where to write the changes, a JSON object a line; changes.jsonl if new; - for standard output.",
    ),
]
Delimiter = Annotated[
    str, typer.Option("--delimiter", metavar="CHARACTER", help="What separates values of a CSV; \\t for a tab.")
]
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
    from local.exports.delta import LocalExports  # DuckDB takes a moment

    with reporting(as_json):
        path = _free_place(out_file, old, new, as_json)
        exports = LocalExports(old, new, _table(new, key, delimiter, null), format_)
        comparison = _written(exports, path, (lambda _text: None) if as_json else err.print)
    if as_json:
        print_json(_as_record(comparison, path))
    else:
        _print(comparison, path)


def _table(new: Path, key: list[str], delimiter: str, null: str) -> ExportTable:
    """Return the table that both are exports of, under the later one's name."""
    if twice := sorted({name for name in key if key.count(name) > 1}):
        raise ConfigurationError(f"--key names {twice[0]} twice. Name each column of the key once.")
    separator = read_delimiter({"delimiter": delimiter.replace("\\t", "\t")}, "--delimiter")
    name = new.name.partition(".")[0] or new.name
    return ExportTable(name, tuple(key), TableName("public", name), delimiter=separator, null=null)


def _written(exports: "LocalExports", path: Path, tell: Callable[[str], None]) -> "Comparison":
    """Write the changes where they are wanted; standard output begins when all are known."""
    try:
        if path != STANDARD_OUTPUT:
            return exports.compare(path, tell)
        with tempfile.TemporaryDirectory(prefix="starlift-") as folder:
            comparison = exports.compare(Path(folder) / DEFAULT_OUT, tell)
            with (Path(folder) / DEFAULT_OUT).open("rb") as lines:
                shutil.copyfileobj(lines, typer.get_binary_stream("stdout"))
            return comparison
    except KeyboardInterrupt:
        err.print("Interrupted: nothing was written.")
        raise


def _free_place(chosen: Path | None, old: Path, new: Path, as_json: bool) -> Path:
    if chosen is None and DEFAULT_OUT.exists():
        raise ConfigurationError(f"{DEFAULT_OUT} exists already. Name the file to write with --out.")
    path = chosen or DEFAULT_OUT
    if path == STANDARD_OUTPUT and as_json:
        raise ConfigurationError("--json and --out - both write on standard output. Name a file with --out.")
    if any(export.resolve() in (path.resolve(), path.resolve().parent) for export in (old, new)):
        raise ConfigurationError(f"{path} is one of the exports, or in its folder. Name another file with --out.")
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise ConfigurationError(
            f"{path} is a folder, a link or a device. Name a file with --out, or - for standard output."
        )
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
    counts, report = comparison.counts, err if path == STANDARD_OUTPUT else out
    for what in ("inserted", "updated", "deleted", "unchanged"):
        report.print(f"{what:<10}{getattr(counts, what):>14,}")
    before, after = counted(counts.before, "row"), counted(counts.after, "row")
    where = "on standard output" if report is err else f"in {path}"
    report.print(f"{counted(counts.changes, 'change')} {where}; {before} before, {after} after.", soft_wrap=True)
    for names, meaning in (
        (comparison.added, "new; NULL before"),
        (comparison.dropped, "gone, and in no change. A pipeline would stop and ask"),
    ):
        if names:
            err.print(f"Columns {', '.join(names)}: {meaning}.", style="yellow")
    if too_many_deletes(counts.deleted, counts.before, MAX_DELETED_SHARE):
        err.print("So many rows are gone that a pipeline would stop and ask.", style="yellow")
