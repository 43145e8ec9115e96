"""Transformed batches small enough to read in a test, with full defaults, and a warehouse to load them into."""

import hashlib
import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb

from load.warehouse.pipeline import load_pending
from load.warehouse.wiring import WAREHOUSE, open_ports
from tests.manifest_factories import processed_manifest
from transformation.star_schema.types import to_duckdb
from utils.batch_log import ProcessedLog
from utils.deadline import no_deadline
from utils.folder_store import FolderStore
from utils.manifest import Reference, WarehouseColumn, WarehouseTable
from utils.postgres.connection import connect
from utils.postgres.names import identifier, literal
from utils.postgres.url import parse_url
from utils.project import Project
from utils.store import DataFile, file_blocks

Row = Sequence[object]
STAFF = {"staff_id": "integer", "name": "text"}
SALE = {"sale_id": "integer", "staff_id": "integer", "units": "integer"}


@dataclass(frozen=True)
class Table:
    """One warehouse table and what a batch brings of it."""

    table: WarehouseTable
    rows: Sequence[Row] | None = None
    gone: Sequence[Row] = ()
    quarantined: Sequence[Mapping[str, object]] = ()
    late: bool = False
    exact: Mapping[int, Mapping[str, str]] = field(default_factory=dict)  # by row: column -> text

    def bringing(self, *rows: Row, **changes: object) -> "Table":
        return replace(self, rows=rows, **changes)

    def having(self, **changes: object) -> "Table":
        return replace(self, table=replace(self.table, **changes))

    def with_columns(self, columns: Mapping[str, str], not_null: Iterable[str] = ()) -> "Table":
        return self.having(columns=make_columns(columns, {*self.table.key, *not_null}))


def make_columns(columns: Mapping[str, str], not_null: Iterable[str]) -> tuple[WarehouseColumn, ...]:
    return tuple(WarehouseColumn(name, kind, name in not_null) for name, kind in columns.items())


def make_table(name: str, columns: Mapping[str, str], **changes: object) -> Table:
    key = changes.get("key", (next(iter(columns)),))
    values = {
        "name": name,
        "kind": "dimension",
        "load": "merge",
        "key": key,
        "columns": make_columns(columns, key),
        "references": (),
        "unique": (),
        "record_id": None,
        "source": name,
    }
    return Table(WarehouseTable(**values | changes))


def dimension(name: str = "dim_staff", columns: Mapping[str, str] = STAFF, **changes: object) -> Table:
    return make_table(name, columns, **changes)


def fact(name: str = "fact_sale", columns: Mapping[str, str] = SALE, **changes: object) -> Table:
    return make_table(name, columns, **{"kind": "fact", "record_id": f"{name}_record_id"} | changes)


def replaced(name: str = "rates", columns: Mapping[str, str] = STAFF, **changes: object) -> Table:
    return make_table(name, columns, **{"load": "replace", "key": ()} | changes)


def reference(columns: str, table: str, key: str) -> Reference:
    return Reference((columns,), table, (key,))


TO_STAFF = (reference("staff_id", "dim_staff", "staff_id"),)


def refused(model: str, key: Mapping[str, str], row: Mapping[str, object], reason: str = "units: 0 is out of range"):
    return {"model": model, "key": key, "rule": "range", "reason": reason, "row": row}


@dataclass
class Place:
    """A processed store and a warehouse."""

    url: str
    folder: Path
    schema: str = "public"
    batches: int = 0

    @property
    def store(self) -> FolderStore:
        return FolderStore(self.folder / "processed")

    def transform(self, *tables: Table, **changes: object) -> int:
        """Write a batch as the transformation stage does and return its number."""
        self.batches += 1
        number = changes.pop("number", self.batches)
        manifest = processed_manifest(
            number=number,
            landing=f"{number:064d}",
            predecessor=f"{number - 1:064d}" if number > 1 else None,
            tables=tuple(self.write(table) for table in tables),
        )
        ProcessedLog(self.store).commit(replace(manifest, **changes))
        return number

    def write(self, table: Table) -> WarehouseTable:
        wanted = table.table
        rows = [] if table.rows is None else [self._write_rows(table)]
        key = tuple(column for column in wanted.columns if column.name in wanted.key)
        gone = [self._write_parquet(wanted.name, key, table.gone)] if table.gone else []
        quarantine = [self._write_lines(table)] if table.quarantined else []
        return replace(wanted, rows=tuple(rows), gone=tuple(gone), quarantine=tuple(quarantine))

    def _write_rows(self, table: Table) -> DataFile:
        columns = (*table.table.columns, WarehouseColumn("_late", "boolean", not_null=False))
        rows = [(*row, str(table.late)) for row in table.rows]
        return self._write_parquet(table.table.name, columns, rows, table.exact)

    def _write_parquet(self, name, columns, rows, exact=None) -> DataFile:
        path = self.folder / f"{uuid.uuid4().hex}.parquet"
        types = [to_duckdb(column.type) for column in columns]
        names = ", ".join(f"{identifier(column.name)} {kind}" for column, kind in zip(columns, types, strict=True))
        with duckdb.connect() as writer:
            writer.execute(f"SET TimeZone = 'UTC'; CREATE TABLE written ({names})")
            if exact:
                writer.execute("ALTER TABLE written ADD COLUMN _exact MAP(VARCHAR, VARCHAR)")
            for place, row in enumerate(rows):
                writer.execute(f"INSERT INTO written VALUES ({_values(row, exact, place)})")
            writer.execute(f"COPY written TO '{path}' (FORMAT parquet)")
        return self._put(f"{name}/{path.name}", path, len(rows))

    def _write_lines(self, table: Table) -> DataFile:
        path = self.folder / f"{uuid.uuid4().hex}.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in table.quarantined))
        return self._put(f"quarantine/{table.table.name}/{path.name}", path, len(table.quarantined))

    def _put(self, key: str, path: Path, rows: int) -> DataFile:
        written = self.store.write(key, file_blocks(path))
        assert written.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        return DataFile(key, rows, written.bytes, written.sha256)

    @contextmanager
    def ports(self, **changes: object):
        project = Project(self.folder, "test", warehouse_schema=self.schema)
        with open_ports(project, parse_url(self.url), self.store, self.folder) as ports:
            yield replace(ports, **changes)

    def load(self, deadline=no_deadline, **changes: object) -> dict[str, object]:
        with self.ports(**changes) as ports:
            return load_pending("run-1", ports, deadline)

    def bring(self, *tables: Table, **changes: object) -> dict[str, dict[str, int]]:
        """Write a batch, load it, and return its counts by table."""
        self.transform(*tables, **changes)
        return self.load()["tables"]

    def ask(self, query: str) -> list[list[object]]:
        with connect(parse_url(self.url), WAREHOUSE) as session:
            return session.run(query)

    def dump(self) -> list[object]:
        """Return everything that the warehouse holds, with its definitions."""
        relations = self.ask(
            "SELECT c.oid::regclass::text, c.relkind::text FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace "
            "WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema' AND relkind <> 'S' ORDER BY 1"
        )
        rows = {name: self.ask(f"SELECT r::text FROM {name} r ORDER BY 1") for name, kind in relations if kind == "r"}
        return [relations, rows]


def _values(row: Row, exact, place: int) -> str:
    values = ["NULL" if value is None else literal(str(value)) for value in row]
    if exact:
        texts = exact.get(place, {})
        pairs = ", ".join(f"{literal(name)}: {literal(text)}" for name, text in texts.items())
        values.append(f"MAP {{{pairs}}}" if texts else "NULL")
    return ", ".join(values)


def names(rows: Iterable[Row]) -> list[object]:
    """Return the first value of each row."""
    return [row[0] for row in rows]
