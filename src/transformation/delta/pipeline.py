"""One version's changes, computed and published.

The changes are a function of two exports that never change, so each attempt computes the same lines with the
same sequences. `delta.json` is written after the lines: its presence means that they are whole, and a later
attempt goes on from them. The registry is told before the first change enters the stream, and after each part.
A crash at any step repeats work, and may repeat changes in the stream; whoever applies them knows them by
order and sequence.
"""

import json
import logging
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from transformation.delta.compare import Comparison, compare
from transformation.delta.engine import open_engine
from transformation.delta.export import Export, ExportFile, read_export
from transformation.delta.guards import refuse_suspicious
from transformation.delta.lines import Numbered, write_lines
from transformation.delta.ports import Ports
from transformation.delta.publish import publish, refuse_late
from utils.deadline import Deadline
from utils.errors import ConfigurationError, ExportChangedError, ObjectMissingError
from utils.export_files import list_files
from utils.export_table import ExportTable, ExportVersion
from utils.store import DataFile, fetch_checked, file_blocks

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Task:
    """The version to publish, what it is compared with, and what a person confirmed."""

    version: ExportVersion
    order: int
    previous: str | None
    accepted: frozenset[str] = frozenset()

    @property
    def folder(self) -> str:
        """Where the changes are kept; one order means one comparison."""
        return f"{self.version.series}/{self.order:012d}"

    @property
    def identity(self) -> dict[str, str | None]:
        """What tells this comparison from one of the same order in a registry that was lost."""
        return {"version": self.version.version, "previous": self.previous}


@dataclass(frozen=True)
class Delta:
    """A computed delta: its lines in the store, and its counts."""

    lines: DataFile
    counts: Mapping[str, int]


def publish_delta(task: Task, ports: Ports, deadline: Deadline) -> dict[str, Any]:
    """Compute the version's changes, unless that is done, and publish those that are not yet in the stream.

    `more` tells that time ran short before the last.
    """
    refuse_late(ports.lease)
    with tempfile.TemporaryDirectory(dir=ports.scratch) as name:
        scratch = Path(name)
        delta = _read_delta(task, ports) or _compute(task, ports, scratch)
        done = _publish(task, delta, ports, scratch, deadline) if delta.lines.rows else 0
    counts = {**delta.counts, "published": done}
    logger.info("changes published", extra={**asdict(task.version), "counts": counts})
    return {"counts": counts, "more": done < delta.lines.rows}


def _publish(task: Task, delta: Delta, ports: Ports, scratch: Path, deadline: Deadline) -> int:
    path = fetch_checked(ports.changes, delta.lines, scratch)
    ports.lease.begin()
    return publish(path, f"{task.folder}/large", ports, deadline)


def _read_delta(task: Task, ports: Ports) -> Delta | None:
    try:
        record = json.loads(ports.changes.read(f"{task.folder}/delta.json"))
    except ObjectMissingError:
        return None
    if record["identity"] != task.identity:
        return None
    return Delta(DataFile(**record["lines"]), record["counts"])


def _compute(task: Task, ports: Ports, scratch: Path) -> Delta:
    table = ports.tables[task.version.table]
    if table.engine != "duckdb":
        raise ConfigurationError(f"exports/{table.name}.toml: the engine {table.engine} is not available here.")
    path = scratch / "changes.jsonl"
    with open_engine(scratch, ports.memory_mb) as connection:

        def read(version: str) -> Export:
            files = _fetch(replace(task.version, version=version), table, ports, scratch)
            return read_export(files, table, connection)

        before, after = read(task.previous) if task.previous else None, read(task.version.version)
        comparison = compare(before, after, table, connection)
        refuse_suspicious(comparison, table, task.accepted)
        write_lines(comparison, Numbered(task.version, task.order), path, connection)
    return _store(task, comparison, path, ports)


def _fetch(version: ExportVersion, table: ExportTable, ports: Ports, scratch: Path) -> list[ExportFile]:
    """Bring a version's files here, or raise ExportChangedError if they are not those that were registered."""
    found = list_files(ports.exports, table, version)
    if ports.known_content(version) not in (None, found.content):
        raise ExportChangedError(
            f"{version.series} {version.version} is no longer what was registered: its files were overwritten. "
            "Restore them, and put new content under a new version.",
            version=version.version,
        )
    return [ExportFile(ports.exports.fetch(file.key, scratch), file.key) for file in found.files]


def _store(task: Task, comparison: Comparison, path: Path, ports: Ports) -> Delta:
    counts = {**asdict(comparison.counts), "unchanged": comparison.counts.unchanged}
    key = f"{task.folder}/changes.jsonl"
    refuse_late(ports.lease)
    written = ports.changes.write(key, file_blocks(path))
    path.unlink()
    delta = Delta(DataFile(key, comparison.counts.changes, written.bytes, written.sha256), counts)
    record = {
        "identity": task.identity,
        "lines": asdict(delta.lines),
        "counts": counts,
        "columns_added": comparison.added,
        "columns_dropped": comparison.dropped,
    }
    ports.changes.put(f"{task.folder}/delta.json", json.dumps(record).encode())
    fields = {name: record[name] for name in ("counts", "columns_added", "columns_dropped")}
    logger.info("changes computed", extra={**asdict(task.version), **fields})
    return delta
