"""Two exports on this machine compared, whatever project they belong to."""

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from transformation.delta.compare import Comparison, compare
from transformation.delta.engine import open_engine
from transformation.delta.export import Export, ExportFile, read_export
from transformation.delta.lines import Numbered, write_lines
from transformation.delta.wiring import HOST_MEMORY_MB
from utils.errors import ConfigurationError
from utils.export_files import ENDINGS, is_data
from utils.export_table import ExportTable, ExportVersion, Format

TENANT = "local"  # of changes between files that no tenant sent


def format_of(path: Path) -> Format:
    """Return the format that a file's name, or a folder's first file's, tells."""
    names = sorted(found.name for found in path.iterdir()) if path.is_dir() else [path.name]
    for format_, endings in ENDINGS.items():
        if any(name.lower().endswith(endings) for name in names):
            return format_
    raise ConfigurationError(f"{path} tells no format by its name. Give --format csv or --format parquet.")


@dataclass(frozen=True)
class LocalExports:
    """Two exports, each a file or a folder of files, and how they are written."""

    before: Path
    after: Path
    table: ExportTable

    def compare(self, out: Path, tell: Callable[[str], None]) -> Comparison:
        """Write the changes to a file that appears whole or not at all."""
        unfinished = out.with_name(f"{out.name}.unfinished-{os.getpid()}")
        try:
            with tempfile.TemporaryDirectory(prefix="starlift-") as scratch:
                comparison = self._compare(Path(scratch), unfinished, tell)
            unfinished.replace(out)
        finally:
            unfinished.unlink(missing_ok=True)
        return comparison

    def _compare(self, scratch: Path, path: Path, tell: Callable[[str], None]) -> Comparison:
        with open_engine(scratch, HOST_MEMORY_MB) as connection:

            def read(place: Path) -> Export:
                return read_export(files_of(place, self.table), self.table, scratch, connection)

            tell(f"reading {self.before} ({_megabytes(self.before)}) and {self.after} ({_megabytes(self.after)}) ...")
            comparison = compare(read(self.before), read(self.after), self.table, connection)
            tell(f"writing {comparison.counts.changes:,} changes ...")
            version = ExportVersion(TENANT, self.table.name, self.after.name)
            write_lines(comparison, Numbered(version, 1), path, connection)
        return comparison


def files_of(place: Path, table: ExportTable) -> list[ExportFile]:
    """Return the file, or the folder's files in order of name without those that only accompany them."""
    if place.is_file():
        return [ExportFile(place, place.name)]
    found = [ExportFile(path, path.name) for path in sorted(place.iterdir()) if is_data(path.name, table)]
    if not found:
        raise ConfigurationError(f"{place} holds no file. Name a file, or a folder of an export's files.")
    return found


def _megabytes(place: Path) -> str:
    paths = [place] if place.is_file() else list(place.iterdir())
    return f"{sum(path.stat().st_size for path in paths) / 1e6:,.1f} MB"
