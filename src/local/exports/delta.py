"""Two exports on this machine compared, whatever project they belong to."""

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.filesize import decimal

from local.narration import counted
from transformation.delta.compare import Comparison, compare
from transformation.delta.engine import open_engine
from transformation.delta.export import Export, ExportFile, read_export
from transformation.delta.lines import Numbered, write_lines
from transformation.delta.wiring import HOST_MEMORY_MB
from utils.errors import ConfigurationError
from utils.export_files import ENDINGS, is_data
from utils.export_table import ExportTable, ExportVersion, Format

TENANT = "local"  # of changes between files that no tenant sent


@dataclass(frozen=True)
class LocalExports:
    """Two exports, each a file or a folder of files, and how they are written."""

    before: Path
    after: Path
    table: ExportTable
    format: Format | None = None  # of both; None: each as its name tells

    def compare(self, out: Path, tell: Callable[[str], None]) -> Comparison:
        """Write the changes to a file that appears whole or not at all."""
        unfinished = out.with_name(f"{out.name}.unfinished-{os.getpid()}")
        try:
            _check_writable(unfinished, out)
            with tempfile.TemporaryDirectory(prefix="starlift-") as scratch:
                comparison = self._compare(Path(scratch), unfinished, tell)
            unfinished.replace(out)
        finally:
            unfinished.unlink(missing_ok=True)
        return comparison

    def _compare(self, scratch: Path, path: Path, tell: Callable[[str], None]) -> Comparison:
        before, after = files_of(self.before, self.table), files_of(self.after, self.table)
        with open_engine(scratch, HOST_MEMORY_MB) as connection:

            def read(files: Sequence[ExportFile]) -> Export:
                table = replace(self.table, format=self.format or format_of(files))
                return read_export(files, table, scratch, connection)

            tell(f"reading {self.before} ({_size(before)}) and {self.after} ({_size(after)}) ...")
            comparison = compare(read(before), read(after), self.table, connection)
            tell(f"writing {counted(comparison.counts.changes, 'change')} ...")
            version = ExportVersion(TENANT, self.table.name, self.after.name)
            write_lines(comparison, Numbered(version, 1), path, connection)
        return comparison


def files_of(place: Path, table: ExportTable) -> list[ExportFile]:
    """Return the file, or the folder's files in order of name without those that only accompany them."""
    if place.is_file():
        return [_readable(place)]
    if not place.is_dir():
        raise ConfigurationError(
            f"{place} is neither a file nor a folder; an export is read more than once. Write it into a file first."
        )
    found = [_readable(path) for path in sorted(place.iterdir()) if is_data(path.name, table)]
    if not found:
        raise ConfigurationError(f"{place} holds no file. Name a file, or a folder of an export's files.")
    return found


def _readable(path: Path) -> ExportFile:
    try:
        path.open("rb").close()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}. An export's folder holds files.") from error
    return ExportFile(path, path.name)


def format_of(files: Sequence[ExportFile]) -> Format:
    """Return the format that the files' names tell."""
    for format_, endings in ENDINGS.items():
        if all(file.name.lower().endswith(endings) for file in files):
            return format_
    raise ConfigurationError(
        f"{files[0].path} and those beside it tell no format by their names. Give --format csv or --format parquet."
        if len(files) > 1
        else f"{files[0].path} tells no format by its name. Give --format csv or --format parquet."
    )


def _check_writable(unfinished: Path, out: Path) -> None:
    """Find out before the work, not after it."""
    try:
        unfinished.touch()
    except OSError as error:
        raise ConfigurationError(f"{out} cannot be written: {error.strerror}. Name another file with --out.") from error


def _size(files: Sequence[ExportFile]) -> str:
    return decimal(sum(file.path.stat().st_size for file in files))
