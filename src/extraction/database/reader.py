"""Reading one batch's rows into files: changed first, then what they affect, then what they join to."""

import hashlib
import itertools
import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from extraction.database.closure import Closure, Condition, Path, find_paths
from extraction.database.files import data_key
from extraction.database.plan import Reading, always
from extraction.database.ports import Ports, SourceView
from extraction.database.run import Run
from extraction.database.sql import copy_statement, header, high_water_mark
from utils.manifest import SourceTable
from utils.store import DataFile

logger = logging.getLogger(__name__)

PROGRESS_SECONDS = 5.0  # how often a long table tells that it is still read
NO_ROWS = hashlib.sha256(b"").hexdigest()


class _UnchangedError(Exception):
    """A whole read brought what the last one brought, so its file is not kept."""


@dataclass
class BatchReader:
    """Collects one batch: its tables as the manifest will hold them, and which of them changed."""

    run: Run
    ports: Ports
    view: SourceView
    tables: dict[str, SourceTable] = field(default_factory=dict)
    changed: dict[str, Condition] = field(default_factory=dict)

    def read(self, readings: Sequence[Reading]) -> None:
        """Read every table's rows for this batch into the landing store."""
        self.tables = {reading.table.name: reading.table for reading in readings}
        paths = find_paths(self.ports.project, self.tables)
        for reading in readings:
            if reading.table.mode != "full":
                self._read_changed(reading)
        for reading in readings:
            if reading.table.mode == "full":
                self._read_full(reading.table, paths)
        self._read_closure(paths)

    def _read_changed(self, reading: Reading) -> None:
        condition = reading.changed or always
        files = self._copy(reading.table, "changed", "" if condition is always else condition("t"))
        if files:
            self._keep_changed(reading.table, files, condition)

    def _read_full(self, table: SourceTable, paths: Iterable[Path]) -> None:
        """Read a table whole, and keep it if it differs from the last read or a lookup of its rows changed."""
        affected = any(path.driving == table.name and path.end in self.changed for path in paths)
        try:
            files = self._copy(table, "changed", "", None if table.whole or affected else table.content)
        except _UnchangedError:
            return
        content = files[0].sha256 if files else NO_ROWS
        self._keep_changed(replace(table, whole=True, content=content), files, always)

    def _keep_changed(self, table: SourceTable, files: tuple[DataFile, ...], condition: Condition) -> None:
        self.changed[table.name] = condition
        if table.cursor:
            where = self.ports.project.table_name(table.name)
            query = high_water_mark(table, where, "" if condition is always else condition("t"))
            table = replace(table, high_water_mark=self.view.row(query)["mark"])
        self.tables[table.name] = replace(table, changed=files)

    def _read_closure(self, paths: tuple[Path, ...]) -> None:
        names = {table: self.ports.project.table_name(table) for table in self.tables}
        closure = Closure(dict(self.tables), names, paths, dict(self.changed))
        for name, table in closure.tables.items():
            if table.whole:
                continue
            affected, context = closure.affected(name), closure.context(name)
            self.tables[name] = replace(
                table,
                affected=self._copy(table, "affected", affected) if affected else (),
                context=self._copy(table, "context", context) if context else (),
            )

    def _copy(
        self, table: SourceTable, role: str, condition: str, last_content: str | None = None
    ) -> tuple[DataFile, ...]:
        """Stream the rows into one file; no rows, no file."""
        started = time.monotonic()
        rows = self.view.copy(copy_statement(table, self.ports.project.table_name(table.name), condition))
        blocks = iter(rows)
        first = next(blocks, None)
        if first is None:
            if last_content == NO_ROWS:
                raise _UnchangedError
            return ()
        key = data_key(table.name, self.run.started_at, self.run.token, role)
        stream = _watched(table.name, itertools.chain([header(table), first], blocks))
        written = self.ports.landing.store.write(key, _unless_equal(stream, last_content))
        fields = {"table": table.name, "role": role, "row_count": rows.rows, "bytes": written.bytes, "key": key}
        duration_ms = round(1000 * (time.monotonic() - started))
        logger.info("table extracted", extra={**fields, "duration_ms": duration_ms})
        return (DataFile(key, rows.rows, written.bytes, written.sha256),)


def _watched(table: str, blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Pass blocks on, and tell now and then how far a long table is."""
    told, size = time.monotonic(), 0
    for block in blocks:
        size += len(block)
        if time.monotonic() - told > PROGRESS_SECONDS:
            told = time.monotonic()
            logger.info("table extracting", extra={"table": table, "bytes": size})
        yield block


def _unless_equal(blocks: Iterable[bytes], last_content: str | None) -> Iterator[bytes]:
    """Pass blocks on, and give up at their end when together they are what the last read brought."""
    if last_content is None:
        yield from blocks
        return
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(block)
        yield block
    if digest.hexdigest() == last_content:
        raise _UnchangedError
