"""Reading one batch's rows into files: changed first, then what they affect, then what they join to."""

import hashlib
import itertools
import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from extraction.database.closure import Closure, Condition
from extraction.database.files import data_key
from extraction.database.plan import Reading, always, recent
from extraction.database.ports import Rows, SourceView
from extraction.database.run import Run
from extraction.database.sql import copy_statement, header, high_water_mark
from utils.errors import ConfigurationError
from utils.manifest import SourceTable
from utils.paths import Path, find_paths
from utils.postgres.names import TableName
from utils.project import Project
from utils.store import DataFile, ObjectStore

logger = logging.getLogger(__name__)

PROGRESS_SECONDS = 5.0  # how often a long table tells that it is still read
NO_ROWS = hashlib.sha256(b"").hexdigest()


@dataclass
class BatchReader:
    """Collects one batch: its tables as the manifest will hold them, and which of them changed."""

    run: Run
    project: Project
    landing: ObjectStore
    view: SourceView
    tables: dict[str, SourceTable] = field(default_factory=dict)
    changed: dict[str, Condition] = field(default_factory=dict)
    paths: tuple[Path, ...] = ()

    def read(self, readings: Sequence[Reading]) -> None:
        """Read every table's rows for this batch into the landing store.

        Changed rows come first: they alone decide which of the other statements can find anything.
        """
        self.tables = {reading.table.name: reading.table for reading in readings}
        self.paths = find_paths(self.project.models, self.tables)
        for reading in readings:
            self._read_changed(reading)
        for name in self._affected_full_tables(self.paths):
            self.tables[name] = self._read_whole(self.tables[name])
        closure = self._closure(self.paths)
        self._read_affected(closure)
        unaffected = frozenset(name for name, table in self.tables.items() if not table.affected)
        self._read_context(replace(closure, unaffected=unaffected))

    def read_keys(self, names: Iterable[str]) -> None:
        """Read the keys of these tables, unless they are the same ones as when they were last compared."""
        for name in sorted(names):
            table = self.tables[name]
            if not table.primary_key:
                raise ConfigurationError(f"{name} has no primary key, so its deleted rows cannot be looked for.")
            kept = tuple(column for column in table.columns if column.name in table.primary_key)
            keys = replace(table, columns=kept)
            content = self._content(keys, always)
            if content != table.keys_content:
                self.tables[name] = replace(table, keys=self._copy(keys, "keys", ""), keys_content=content)

    def _read_changed(self, reading: Reading) -> None:
        table, condition = reading.table, reading.changed or always
        if table.whole:
            self._keep(self._read_whole(table), always)
        elif table.mode == "changes":
            self._keep(replace(table, changed=self._copy(table, "changed", condition("t"))), condition)
        elif self._content(table, always if table.mode == "full" else condition) == table.content:
            return
        elif table.mode == "full":
            self._keep(self._read_whole(table), always)
        else:
            self._keep(replace(table, changed=self._copy(table, "changed", condition("t"))), condition)

    def _read_whole(self, table: SourceTable) -> SourceTable:
        files = self._copy(table, "changed", "")
        content = files[0].sha256 if files else NO_ROWS
        return replace(table, whole=True, changed=files, content=content if table.mode == "full" else None)

    def _keep(self, table: SourceTable, condition: Condition) -> None:
        """Keep a table's changed rows, and its high-water mark with them."""
        if table.changed:
            self.changed[table.name] = condition
        if table.changed and table.cursor:
            query = high_water_mark(table, self._place(table), "" if condition is always else condition("t"))
            table = replace(table, high_water_mark=self.view.row(query)["mark"])
        if table.mode == "overlap" and table.high_water_mark is not None:
            # What the next run will compare with: the rows that are recent by the new mark, not those read now.
            table = replace(table, content=self._content(table, recent(table, self.project)))
        self.tables[table.name] = table

    def _affected_full_tables(self, paths: tuple[Path, ...]) -> list[str]:
        """Return the tables that can only be read whole, and must be because a lookup of theirs changed."""
        closure = self._closure(paths)
        unread = [table.name for table in self.tables.values() if table.mode == "full" and not table.whole]
        return [name for name in unread if closure.affects(name)]

    def _closure(self, paths: tuple[Path, ...]) -> Closure:
        names = {name: self._place(table) for name, table in self.tables.items()}
        return Closure(dict(self.tables), names, paths, dict(self.changed))

    def _read_affected(self, closure: Closure) -> None:
        for name, table in closure.tables.items():
            if where := closure.affected(name):
                self.tables[name] = replace(table, affected=self._copy(table, "affected", where))

    def _read_context(self, closure: Closure) -> None:
        for name, table in self.tables.items():
            if where := closure.context(name):
                self.tables[name] = replace(table, context=self._copy(table, "context", where))

    def _place(self, table: SourceTable) -> TableName:
        return self.project.table_name(table.name)

    def _copy(self, table: SourceTable, role: str, condition: str) -> tuple[DataFile, ...]:
        """Stream the rows into one file; no rows, no file, except of keys: none left is news."""
        started = time.monotonic()
        rows = self.view.copy(copy_statement(table, self._place(table), condition))
        blocks = iter(rows)
        first = next(blocks, None)
        if first is None and role != "keys":
            return ()
        key = data_key(table.name, self.run.started_at, self.run.token, role)
        stream = _watched(table.name, rows, itertools.chain([header(table), first or b""], blocks))
        written = self.landing.write(key, stream)
        fields = {"table": table.name, "role": role, "row_count": rows.rows, "bytes": written.bytes, "key": key}
        duration_ms = round(1000 * (time.monotonic() - started))
        logger.info("table extracted", extra={**fields, "duration_ms": duration_ms})
        return (DataFile(key, rows.rows, written.bytes, written.sha256, rows.longest),)

    def _content(self, table: SourceTable, condition: Condition) -> str:
        """Return the checksum that a file of these rows would have, without writing one."""
        where = "" if condition is always else condition("t")
        digest = hashlib.sha256()
        for number, block in enumerate(self.view.copy(copy_statement(table, self._place(table), where))):
            digest.update(block if number else header(table) + block)
        return digest.hexdigest()


def _watched(table: str, rows: Rows, blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Pass blocks on, and tell now and then how far a long table is."""
    started = told = time.monotonic()
    size = 0
    for block in blocks:
        size += len(block)
        if time.monotonic() - told > PROGRESS_SECONDS:
            told = time.monotonic()
            duration_ms = round(1000 * (told - started))
            extra = {"table": table, "row_count": rows.rows, "bytes": size, "duration_ms": duration_ms}
            logger.info("table extracting", extra=extra)
        yield block
