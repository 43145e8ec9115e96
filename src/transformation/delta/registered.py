"""A version's files, as long as they are those that were registered."""

from pathlib import Path

from transformation.delta.export import ExportFile
from utils.errors import ExportChangedError
from utils.export_files import ExportFiles, list_files
from utils.export_table import ExportTable, ExportVersion
from utils.store import ObjectStore


def registered_files(version: ExportVersion, table: ExportTable, store: ObjectStore, *known: str | None) -> ExportFiles:
    """Return a version's files, or raise ExportChangedError if they are not what is known of them, where any is."""
    found = list_files(store, table, version)
    if {*known} - {None, found.content}:
        raise ExportChangedError(
            f"{version.series} {version.version} is no longer what was registered: its files were overwritten. "
            "Restore them, and put new content under a new version.",
            version=version.version,
        )
    return found


def fetch_files(
    version: ExportVersion, table: ExportTable, store: ObjectStore, known: str | None, scratch: Path
) -> list[ExportFile]:
    """Bring a version's files here, or raise ExportChangedError if one was overwritten before the last was here."""
    found = registered_files(version, table, store, known)
    fetched = [ExportFile(store.fetch(file.key, scratch), file.key) for file in found.files]
    registered_files(version, table, store, found.content)
    return fetched
