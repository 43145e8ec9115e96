"""Comparing the warehouse's current state with the models over the whole source, out of core."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from extraction.database.whole import extract_whole_and_pending
from load.warehouse import ledger
from load.warehouse.session import transaction
from load.warehouse.wiring import WAREHOUSE
from transformation.star_schema.engine import open_engine
from transformation.star_schema.pipeline import transform_batch
from transformation.star_schema.wiring import open_ports
from utils.batch_log import LandingEntry
from utils.errors import ConfigurationError
from utils.folder_store import FolderStore
from utils.manifest import LandingManifest, ProcessedManifest, WarehouseTable
from utils.postgres.connection import Connection, connect
from utils.postgres.names import TableName, column_list, identifier, literal
from utils.postgres.url import DatabaseUrl
from utils.project import Project
from utils.store import DataFile

MEMORY_MB = 500
EXAMPLES = 5  # keys shown of each kind of difference
MAX_ROW_BYTES = 1 << 30  # of a warehouse row: whatever PostgreSQL could store


@dataclass(frozen=True)
class TableComparison:
    """One warehouse table against its model over the source."""

    table: str
    rows: int  # in the warehouse now
    missing: int
    extra: int
    different: int
    pending: int  # differences that the next run settles: written since the last loaded batch
    quarantined: int  # differences that wait for a person
    examples: tuple[str, ...]

    @property
    def is_equal(self) -> bool:
        """Tell whether there is no real difference."""
        return not (self.missing or self.extra or self.different)


def verify(project: Project, source: DatabaseUrl, warehouse: DatabaseUrl) -> list[TableComparison]:
    """Return how every warehouse table compares with its model over the whole source, in load order."""
    with tempfile.TemporaryDirectory(prefix="starlift-") as scratch, connect(warehouse, WAREHOUSE) as session:
        last = ledger.read_last(session)
        if last is None:
            raise ConfigurationError(f"{warehouse} holds no batch of Starlift yet. Run `starlift run` first.")
        folder = Path(scratch)
        stores = FolderStore(folder / "whole"), FolderStore(folder / "pending")
        whole, pending = extract_whole_and_pending(project, source, int(last.horizon), *stores)
        expected = _transform(project, whole, stores[0], folder)
        waiting = _transform(project, pending, stores[1], folder) if pending else None
        with transaction(session, 5), open_engine(folder, MEMORY_MB) as database:
            compare = _Comparison(session, database, project.warehouse_schema, folder, stores)
            return list(compare.tables(expected, waiting))


def _transform(project: Project, landing: LandingManifest, store: FolderStore, folder: Path) -> ProcessedManifest:
    with open_ports(project, store, store, folder) as ports:
        return transform_batch("verify", LandingEntry(landing, ""), ports)


@dataclass(frozen=True)
class _Comparison:
    session: Connection
    database: duckdb.DuckDBPyConnection
    schema: str
    folder: Path
    stores: tuple[FolderStore, FolderStore]  # of the whole source, and of what is pending

    def tables(self, expected: ProcessedManifest, waiting: ProcessedManifest | None) -> Iterator[TableComparison]:
        later = {table.name: table for table in waiting.tables} if waiting else {}
        for table in expected.tables:
            self._read_expected(table)
            rows = self._read_held(table)
            if table.load == "replace":
                yield self._compare_whole(table, rows)
            else:
                self._read_keys("pending", table, later.get(table.name))
                self._read_quarantine(table)
                yield self._compare_by_key(table, rows)

    def _read_expected(self, table: WarehouseTable) -> None:
        """Make the model's rows the view `expected`, each value as the text that the warehouse would show."""
        columns = ", ".join(f"{identifier(name)}" for name in _names(table))
        self.database.execute(f"CREATE OR REPLACE TEMP VIEW expected AS {self._rows(table, table.rows, 0, columns)}")

    def _rows(self, table: WarehouseTable, files: Iterable[DataFile], store: int, columns: str) -> str:
        paths = [literal(str(self.stores[store].root / file.key)) for file in files]
        if paths:
            exact = "*, NULL AS _exact" if not self._has_exact(paths) else "*"
            return f"SELECT {columns}, _exact FROM (SELECT {exact} FROM read_parquet([{', '.join(paths)}]))"
        empty = ", ".join(f"NULL::VARCHAR AS {identifier(name)}" for name in _names(table))
        return f"SELECT {columns}, NULL AS _exact FROM (SELECT {empty} WHERE false)"

    def _has_exact(self, paths: list[str]) -> bool:
        described = self.database.execute(f"DESCRIBE FROM read_parquet([{', '.join(paths)}])").fetchall()
        return any(name == "_exact" for name, *_ in described)

    def _read_held(self, table: WarehouseTable) -> int:
        """Make the warehouse's current rows the view `held`, as text, and return their number."""
        name, path = TableName(self.schema, table.name), self.folder / "held.csv"
        current = {"fact": "WHERE _current AND NOT _deleted", "replace": ""}
        where = current.get("replace" if table.load == "replace" else table.kind, "WHERE NOT _deleted")
        query = f"SELECT {column_list(_names(table))} FROM {name.sql} {where}"
        if not self.session.value("SELECT pg_catalog.to_regclass(:name) IS NOT NULL", name=name.sql):
            query = f"SELECT {', '.join('NULL::text' for _ in table.columns)} WHERE false"
        rows = self._dump(query, path)
        self._view("held", _names(table), path)
        return rows

    def _dump(self, query: str, path: Path) -> int:
        copy = self.session.copy_out(f"COPY ({query}) TO STDOUT (FORMAT csv)", MAX_ROW_BYTES)
        with path.open("wb") as stream:
            for block in copy:
                stream.write(block)
        return copy.rows

    def _view(self, view: str, names: tuple[str, ...], path: Path) -> None:
        columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
        self.database.execute(
            f"CREATE OR REPLACE TEMP TABLE {view} AS FROM read_csv({literal(str(path))}, columns = {{{columns}}}, "
            "header = false, auto_detect = false, delim = ',', quote = '\"', escape = '\"', nullstr = '', "
            "allow_quoted_nulls = false)"
        )

    def _read_keys(self, view: str, table: WarehouseTable, later: WarehouseTable | None) -> None:
        """Make the keys of rows written since the last loaded batch a table."""
        keys = column_list(table.key)
        texts = ", ".join(f"CAST({identifier(name)} AS VARCHAR) AS {identifier(name)}" for name in table.key)
        files = later.rows + later.gone if later else ()
        paths = [literal(str(self.stores[1].root / file.key)) for file in files]
        parts = [f"SELECT {texts} FROM read_parquet({path})" for path in paths]
        parts.append(f"SELECT {', '.join(f'NULL::VARCHAR AS {identifier(name)}' for name in table.key)} WHERE false")
        self.database.execute(
            f"CREATE OR REPLACE TEMP TABLE {view} AS SELECT DISTINCT {keys} FROM ({' UNION ALL '.join(parts)})"
        )

    def _read_quarantine(self, table: WarehouseTable) -> None:
        """Make the keys in quarantine a table: those the warehouse knows of."""
        path = self.folder / "quarantined.csv"
        keys = ", ".join(f"key ->> {literal(name)}" for name in table.key)
        self._dump(f"SELECT DISTINCT {keys} FROM starlift.quarantine WHERE model = {literal(table.name)}", path)
        self._view("quarantined", table.key, path)

    def _compare_by_key(self, table: WarehouseTable, rows: int) -> TableComparison:
        kinds = self._kinds("expected")
        same = " AND ".join(f"{_cast(f'h.{identifier(k)}', kinds[k])} = e.{identifier(k)}" for k in table.key)
        differs = " OR ".join(self._differs(name, kinds[name]) for name in _names(table) if name not in table.key)
        first = identifier(table.key[0])
        keys = ", ".join(
            f"coalesce(CAST(e.{identifier(k)} AS VARCHAR), h.{identifier(k)}) AS {identifier(k)}" for k in table.key
        )
        kind = f"CASE WHEN h.{first} IS NULL THEN 'missing' WHEN e.{first} IS NULL THEN 'extra' ELSE 'different' END"
        self.database.execute(
            f"CREATE OR REPLACE TEMP TABLE differences AS SELECT {keys}, {kind} AS difference "
            f"FROM expected e FULL JOIN held h ON {same} "
            f"WHERE e.{first} IS NULL OR h.{first} IS NULL OR {differs or 'false'}"
        )
        if table.kind == "calendar":  # it may cover more days than the source's rows need today
            self.database.execute("DELETE FROM differences WHERE difference = 'extra'")
        return self._result(table, rows)

    def _kinds(self, view: str) -> dict[str, str]:
        return {name: kind for name, kind, *_ in self.database.execute(f"DESCRIBE {view}").fetchall()}

    def _differs(self, name: str, kind: str) -> str:
        column = identifier(name)
        exact = f"e._exact[{literal(name)}]" if self._kinds("expected")["_exact"].startswith("MAP") else "NULL::VARCHAR"
        held = _cast(f"h.{column}", kind)
        typed = f"(e.{column} IS DISTINCT FROM {held} OR (h.{column} IS NOT NULL AND {held} IS NULL))"
        return f"CASE WHEN {exact} IS NOT NULL THEN {exact} IS DISTINCT FROM h.{column} ELSE {typed} END"

    def _result(self, table: WarehouseTable, rows: int) -> TableComparison:
        for place in ("quarantined", "pending"):
            on = " AND ".join(f"d.{identifier(name)} = k.{identifier(name)}" for name in table.key)
            self.database.execute(
                f"UPDATE differences AS d SET difference = {literal(place)} FROM {place} AS k "
                f"WHERE {on} AND d.difference <> 'quarantined'"
            )
        found = self.database.execute("SELECT difference, count(*) FROM differences GROUP BY ALL").fetchall()
        counts: Mapping[str, int] = dict(found)
        return _comparison(table.name, rows, counts, self._examples(column_list(table.key)))

    def _examples(self, keys: str) -> tuple[str, ...]:
        real = "difference IN ('missing', 'extra', 'different')"
        rows = self.database.execute(
            f"SELECT difference, {keys} FROM differences WHERE {real} ORDER BY ALL LIMIT {EXAMPLES}"
        ).fetchall()
        return tuple(f"{difference} {', '.join(map(str, key))}" for difference, *key in rows)

    def _compare_whole(self, table: WarehouseTable, rows: int) -> TableComparison:
        """Compare a table without a key as a multiset of rows."""
        kinds = self._kinds("expected")
        expected = f"SELECT {column_list(_names(table))} FROM expected"
        held = f"SELECT {', '.join(_cast(identifier(name), kinds[name]) for name in _names(table))} FROM held"
        counts = {
            "missing": self._count(f"{expected} EXCEPT ALL {held}"),
            "extra": self._count(f"{held} EXCEPT ALL {expected}"),
        }
        return _comparison(table.name, rows, counts, ())

    def _count(self, query: str) -> int:
        found = self.database.execute(f"SELECT count(*) FROM ({query})").fetchone()
        return int(found[0]) if found else 0


def _names(table: WarehouseTable) -> tuple[str, ...]:
    return tuple(column.name for column in table.columns)


def _cast(text: str, kind: str) -> str:
    return text if kind == "VARCHAR" else f"TRY_CAST({text} AS {kind})"


def _comparison(table: str, rows: int, counts: Mapping[str, int], examples: tuple[str, ...]) -> TableComparison:
    kinds = ("missing", "extra", "different", "pending", "quarantined")
    missing, extra, different, pending, quarantined = (counts.get(kind, 0) for kind in kinds)
    return TableComparison(table, rows, missing, extra, different, pending, quarantined, examples)
