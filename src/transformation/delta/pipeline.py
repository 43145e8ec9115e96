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
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import duckdb

from transformation.delta.compare import Comparison, compare
from transformation.delta.engine import open_engine
from transformation.delta.export import Export, read_export
from transformation.delta.guards import refuse_suspicious
from transformation.delta.lines import Numbered, write_lines
from transformation.delta.ports import Ports
from transformation.delta.publish import publish, refuse_late
from transformation.delta.registered import fetch_files
from transformation.delta.remote import compare_remotely, forget
from transformation.delta.task import Delta, Task
from utils.deadline import Deadline
from utils.errors import IntegrityError, ObjectMissingError
from utils.store import DataFile, fetch_checked, file_blocks

logger = logging.getLogger(__name__)


def publish_delta(task: Task, ports: Ports, deadline: Deadline) -> dict[str, Any]:
    """Compute the version's changes, unless that is done, and publish those that are not yet in the stream.

    `more` tells that time ran short before the last.
    """
    refuse_late(ports.lease)
    with tempfile.TemporaryDirectory(dir=ports.scratch) as name:
        scratch = Path(name)
        delta = _read_delta(task, ports) or _compute(task, ports, scratch, deadline)
        if delta is None:
            return {"counts": {"published": 0}, "more": True}
        done = _publish(task, delta, ports, scratch, deadline) if delta.lines.rows else 0
    counts = {**delta.counts, "published": done}
    logger.info("changes published", extra={**asdict(task.version), "counts": counts})
    return {"counts": counts, "more": done < delta.lines.rows}


def _publish(task: Task, delta: Delta, ports: Ports, scratch: Path, deadline: Deadline) -> int:
    path = fetch_checked(ports.changes, delta.lines, scratch)
    ports.lease.begin()
    return publish(path, f"{task.folder}/large", ports, deadline)


def _read_delta(task: Task, ports: Ports) -> Delta | None:
    """Return the changes that an earlier attempt stored; None if there are none."""
    try:
        record = json.loads(ports.changes.read(f"{task.folder}/delta.json"))
    except ObjectMissingError:
        record = None
    if record and record["identity"] == task.identity:
        return Delta(DataFile(**record["lines"]), record["counts"])
    _refuse_order_given_before(task, ports, is_taken=record is not None)
    return None


def _refuse_order_given_before(task: Task, ports: Ports, is_taken: bool) -> None:
    """Raise IntegrityError if the registry was set back: targets would take its changes for older than what they have.

    From then on orders go on behind those that were given, so that the next attempt succeeds.
    """
    highest = _highest_order(task, ports)
    if highest < task.order or (highest == task.order and not is_taken):
        return
    ports.lease.skip_orders(highest)
    raise IntegrityError(
        f"The registry gave {task.version.series} {task.version.version} the order {task.order}, but changes up to "
        f"order {highest} were made before: it was emptied, or restored to an earlier time. Its orders go on behind "
        f"that now: start the version again, and once it succeeded: starlift exports resync {task.version.series}",
        version=task.version.version,
    )


def _highest_order(task: Task, ports: Ports) -> int:
    """Return the last order of the series of which anything is stored, 0 if there is none."""
    prefix = f"{task.version.series}/"
    folders = {item.key.removeprefix(prefix).partition("/")[0] for item in ports.changes.list(prefix)}
    return max((int(folder) for folder in folders if folder.isdecimal()), default=0)


def _compute(task: Task, ports: Ports, scratch: Path, deadline: Deadline) -> Delta | None:
    """Return the changes, stored; None if another attempt must go on waiting for them."""
    table = ports.tables[task.version.table]
    path = scratch / "changes.jsonl"
    with open_engine(scratch, ports.memory_mb) as connection:
        if table.engine == "athena":
            comparison = compare_remotely(task, ports, scratch, connection, deadline)
        else:
            comparison = _compare_here(task, ports, scratch, connection)
        if comparison is None:
            return None
        refuse_suspicious(comparison, table, task.accepted)
        write_lines(comparison, Numbered(task.version, task.order), path, connection)
    delta = _store(task, comparison, path, ports)
    if table.engine == "athena":
        forget(task, ports)
    return delta


def _compare_here(task: Task, ports: Ports, scratch: Path, connection: duckdb.DuckDBPyConnection) -> Comparison:
    table = ports.tables[task.version.table]

    def read(name: str) -> Export:
        version = replace(task.version, version=name)
        files = fetch_files(version, table, ports.exports, ports.known_content(version), scratch)
        return read_export(files, table, scratch, connection)

    before, after = read(task.previous) if task.previous else None, read(task.version.version)
    return compare(before, after, table, connection)


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
