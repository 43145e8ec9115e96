"""Comparing the warehouse's current state with the models over the whole source, out of core."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from extraction.database.whole import extract_whole_and_pending
from load.warehouse import ledger
from load.warehouse.wiring import WAREHOUSE
from local.warehouse import set_aside
from local.warehouse.comparable import EXACT, held_text, held_value, json_lines, model_text, model_texts
from local.warehouse.held import dump, read_csv
from transformation.star_schema.database import open_engine
from transformation.star_schema.pipeline import transform_batch
from transformation.star_schema.types import to_duckdb
from transformation.star_schema.wiring import open_ports
from utils.batch_log import LandingEntry
from utils.errors import ConfigurationError
from utils.folder_store import FolderStore
from utils.manifest import LandingManifest, ProcessedManifest, WarehouseTable
from utils.postgres.connection import Connection, connect
from utils.postgres.names import TableName, column_list, identifier, literal
from utils.postgres.session import transaction
from utils.postgres.url import DatabaseUrl
from utils.project import Project
from utils.store import DataFile

MEMORY_MB = 500
EXAMPLES = 5  # keys shown of each kind of difference


@dataclass(frozen=True)
class TableComparison:
    """One warehouse table against its model over the source."""

    table: str
    rows: int  # in the warehouse now
    missing: int
    extra: int
    different: int
    pending: int  # differences that a batch still has to settle: written or deleted since the last loaded one
    quarantined: int  # entries in quarantine; their differences are counted nowhere else
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
            path, kinds = self.folder / "quarantined.csv", self._kinds("expected")
            entries = set_aside.read_quarantine(self.session, self.database, table, kinds, path)
            if table.load == "replace":
                counts = self._compare_whole(table)
            else:
                self._read_keys(table, later.get(table.name))
                counts = self._compare_by_key(table)
            examples = self._examples(column_list(table.key)) if table.load != "replace" else ()
            yield _comparison(table.name, rows, {**counts, "quarantined": entries}, examples)

    def _read_expected(self, table: WarehouseTable) -> None:
        """Make the model's rows the view `expected`, with the exact texts of values that DuckDB cannot hold."""
        rows = self._rows(table, table.rows, 0)
        self.database.execute(f"CREATE OR REPLACE TEMP VIEW expected AS SELECT *, true AS _there FROM ({rows})")

    def _rows(self, table: WarehouseTable, files: Iterable[DataFile], store: int) -> str:
        """Return the query for rows of the model; `_exact` maps no column where every value is held as it is."""
        paths = [literal(str(self.stores[store].root / file.key)) for file in files]
        columns = column_list(_names(table))
        if not paths:
            nulls = (f"NULL::{to_duckdb(column.type)} AS {identifier(column.name)}" for column in table.columns)
            return f"SELECT {', '.join(nulls)}, NULL::{EXACT} AS _exact WHERE false"
        source = f"read_parquet([{', '.join(paths)}])"
        described = self.database.execute(f"DESCRIBE FROM {source}").fetchall()
        exact = "_exact" if any(name == "_exact" for name, *_ in described) else f"NULL::{EXACT} AS _exact"
        return f"SELECT {columns}, {exact} FROM {source}"

    def _read_held(self, table: WarehouseTable) -> int:
        """Make the warehouse's current rows the view `held`, as text, and return their number."""
        name, path = TableName(self.schema, table.name), self.folder / "held.csv"
        current = {"fact": "WHERE _current AND NOT _deleted", "replace": ""}
        where = current.get("replace" if table.load == "replace" else table.kind, "WHERE NOT _deleted")
        query = f"SELECT {column_list(_names(table))} FROM {name.sql} {where}"
        if not self.session.value("SELECT pg_catalog.to_regclass(:name) IS NOT NULL", name=name.sql):
            query = f"SELECT {', '.join('NULL::text' for _ in table.columns)} WHERE false"
        rows, longest = dump(self.session, query, path)
        read_csv(self.database, "held", _names(table), path, longest)
        return rows

    def _read_keys(self, table: WarehouseTable, later: WarehouseTable | None) -> None:
        """Make the keys of rows written since the last loaded batch the table `pending`."""
        written = f"SELECT {model_texts(table.key)} FROM ({self._rows(table, later.rows if later else (), 1)}) e"
        parts, root = [written], self.stores[1].root
        gone = ", ".join(f"CAST({identifier(name)} AS VARCHAR)" for name in table.key)
        refused = set_aside.key_texts(table.key, self._kinds("expected"))
        if later:
            parts += [f"SELECT {gone} FROM read_parquet({literal(str(root / file.key))})" for file in later.gone]
            parts += [f"SELECT {refused} FROM {json_lines(root / file.key)}" for file in later.quarantine]
        self.database.execute(f"CREATE OR REPLACE TEMP TABLE pending AS {' UNION '.join(parts)}")

    def _compare_by_key(self, table: WarehouseTable) -> Mapping[str, int]:
        kinds = self._kinds("expected")
        differs = " OR ".join(self._differs(name, kinds[name]) for name in _names(table) if name not in table.key)
        keys = ", ".join(
            f"coalesce({model_text(k)}, {held_text(f'h.{identifier(k)}', kinds[k])}) AS {identifier(k)}"
            for k in table.key
        )
        kind = "CASE WHEN h._there IS NULL THEN 'missing' WHEN e._there IS NULL THEN 'extra' ELSE 'different' END"
        self.database.execute(
            f"CREATE OR REPLACE TEMP TABLE differences AS SELECT {keys}, {kind} AS difference "
            f"FROM expected e FULL JOIN (SELECT *, true AS _there FROM held) h ON {self._same_key(table, kinds)} "
            f"WHERE e._there IS NULL OR h._there IS NULL OR {differs or 'false'}"
        )
        set_aside.add_refused(self.database, table, kinds, self.stores[0].root)
        if table.max_deleted_share is not None:
            self._await_deletes(table)
        if table.kind == "calendar":  # it may cover more days than the source's rows need today
            self.database.execute("DELETE FROM differences WHERE difference = 'extra'")
        return self._result(table)

    def _await_deletes(self, table: WarehouseTable) -> None:
        """Count rows that the source no longer has as pending: the next comparison of keys finds them."""
        keys = ", ".join(f"CAST({identifier(name)} AS VARCHAR)" for name in table.key)
        parts = [f"SELECT {keys} FROM read_parquet({literal(str(self.stores[0].root / f.key))})" for f in table.gone]
        dropped = f"AND ({column_list(table.key)}) NOT IN ({' UNION ALL '.join(parts)})" if parts else ""
        self.database.execute(f"UPDATE differences SET difference = 'pending' WHERE difference = 'extra' {dropped}")

    def _same_key(self, table: WarehouseTable, kinds: Mapping[str, str]) -> str:
        """Return the join by key: typed, which is fast, or by text where a key holds what DuckDB cannot."""
        held = {name: f"h.{identifier(name)}" for name in table.key}
        if self._count("SELECT 1 FROM expected WHERE _exact IS NOT NULL LIMIT 1"):
            return " AND ".join(f"{model_text(name)} = {held_text(held[name], kinds[name])}" for name in table.key)
        return " AND ".join(f"{held_value(held[name], kinds[name])} = e.{identifier(name)}" for name in table.key)

    def _kinds(self, view: str) -> dict[str, str]:
        return {name: kind for name, kind, *_ in self.database.execute(f"DESCRIBE {view}").fetchall()}

    def _differs(self, name: str, kind: str) -> str:
        column = identifier(name)
        exact, held = f"e._exact[{literal(name)}]", held_value(f"h.{column}", kind)
        typed = f"(e.{column} IS DISTINCT FROM {held} OR (h.{column} IS NOT NULL AND {held} IS NULL))"
        return f"CASE WHEN {exact} IS NOT NULL THEN {exact} IS DISTINCT FROM h.{column} ELSE {typed} END"

    def _result(self, table: WarehouseTable) -> Mapping[str, int]:
        """Count the differences, those apart that the quarantine or the next batches account for."""
        for place in ("quarantined", "pending"):
            on = " AND ".join(f"d.{identifier(name)} = k.{identifier(name)}" for name in table.key)
            self.database.execute(
                f"UPDATE differences AS d SET difference = {literal(place)} FROM {place} AS k "
                f"WHERE {on} AND d.difference <> 'quarantined'"
            )
        found = self.database.execute("SELECT difference, count(*) FROM differences GROUP BY ALL").fetchall()
        return dict(found)

    def _examples(self, keys: str) -> tuple[str, ...]:
        real = "difference IN ('missing', 'extra', 'different')"
        rows = self.database.execute(
            f"SELECT difference, {keys} FROM differences WHERE {real} ORDER BY ALL LIMIT {EXAMPLES}"
        ).fetchall()
        return tuple(f"{difference} {', '.join(map(str, key))}" for difference, *key in rows)

    def _compare_whole(self, table: WarehouseTable) -> Mapping[str, int]:
        """Compare a table without a key as a multiset of rows."""
        kinds = self._kinds("expected")
        expected = f"SELECT {model_texts(_names(table))} FROM expected e"
        held = (
            f"SELECT {', '.join(held_text(f'h.{identifier(name)}', kinds[name]) for name in _names(table))} FROM held h"
        )
        return {
            "missing": self._count(f"{expected} EXCEPT ALL {held}"),
            "extra": self._count(f"{held} EXCEPT ALL {expected}"),
        }

    def _count(self, query: str) -> int:
        found = self.database.execute(f"SELECT count(*) FROM ({query})").fetchone()
        return int(found[0]) if found else 0


def _names(table: WarehouseTable) -> tuple[str, ...]:
    return tuple(column.name for column in table.columns)


def _comparison(table: str, rows: int, counts: Mapping[str, int], examples: tuple[str, ...]) -> TableComparison:
    kinds = ("missing", "extra", "different", "pending", "quarantined")
    missing, extra, different, pending, quarantined = (counts.get(kind, 0) for kind in kinds)
    return TableComparison(table, rows, missing, extra, different, pending, quarantined, examples)
