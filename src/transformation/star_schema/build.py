"""Building one model's rows from a batch: a fast path for sound rows, and one that sets single bad rows apart."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from transformation.star_schema.definition import resolve_reference
from transformation.star_schema.quality import DataTest, key_json, key_text, problem
from transformation.star_schema.relations import LOST, RAW, Relation
from transformation.star_schema.select_list import Item, Reference, SelectList
from transformation.star_schema.sql import from_clause, unreadable
from utils.errors import DuplicateKeyError
from utils.model import Lookup, Model
from utils.postgres.names import column_list, identifier, literal

logger = logging.getLogger(__name__)

BAD_VALUE = (duckdb.ConversionException, duckdb.OutOfRangeException, duckdb.InvalidInputException)
EXACT = "_starlift_exact:"
WRITE = "(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE_BYTES '8MB')"  # as much as load holds at once


@dataclass(frozen=True)
class Built:
    """One model's local files in this batch; a path is None where there is nothing."""

    rows: Path | None = None
    gone: Path | None = None
    quarantine: Path | None = None
    present: Path | None = None
    counts: Mapping[str, int] = field(default_factory=dict)  # by file: rows, gone, quarantine, present


@dataclass(frozen=True)
class ModelRows:
    """Everything needed to compute one model over one batch."""

    connection: duckdb.DuckDBPyConnection
    model: Model
    found: SelectList
    lookups: Sequence[Lookup]
    relations: Mapping[str, Relation]
    tests: Sequence[DataTest]
    late: str  # expression of the _late column
    folder: Path
    computed_gone: Path | None = None  # keys that a Python model left out
    some_lost: bool = False  # some rows hold values that a Python model could not be given
    source_key: tuple[str, ...] = ()  # the driving row's columns that name it where the model's key does not

    def build(self) -> Built:
        """Write the model's rows as Parquet, what failed as JSON lines, and the keys that are gone."""
        rows = self._path("rows.parquet")
        if self.some_lost or not self._build_fast(rows):
            return self._build_carefully(rows)
        return self._built(rows, self._gone, None)

    @property
    def _tells_gone(self) -> bool:
        """Rows that a WHERE drops are handed on as gone, unless the table is replaced whole."""
        return self.found.where is not None and self.model.load == "merge"

    @property
    def _gone(self) -> Path | None:
        return self._path("gone.parquet") if self._tells_gone else self.computed_gone

    def _path(self, suffix: str) -> Path:
        return self.folder / f"{self.model.name}-{suffix}"

    def _build_fast(self, rows: Path) -> bool:
        """Write every row at once, and tell whether all of them are sound."""
        where = f" WHERE {self.found.where}" if self.found.where else ""
        clause = from_clause(self.model, self.lookups, self.relations, lenient=False)
        try:
            self._copy(f"SELECT {self.found.columns}, {self.late} AS _late {clause}{where}", rows)
            if self._tells_gone:
                self._copy_gone(f"{self._gone_keys()} {clause} WHERE ({self.found.where}) IS NOT TRUE")
        except BAD_VALUE:
            return False
        failing = " OR ".join(f"({test.fails})" for test in self.tests) or "false"
        sound = self._value(f"SELECT count(*) FILTER (WHERE {failing}) = 0 FROM {_file(rows)}")
        if sound:
            self._refuse_double_keys(rows)
        return bool(sound)

    def _build_carefully(self, rows: Path) -> Built:
        """Compute each value by itself, so that one that fails takes only its row to quarantine."""
        clause = from_clause(self.model, self.lookups, self.relations, lenient=True)
        columns = [*self._careful_columns(), f"{self.late} AS _late", f"{self._driving_text()} AS _starlift_driving"]
        columns += [identifier(LOST)] if self.some_lost else []
        careful = identifier(f"careful:{self.model.name}")
        self.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {careful} AS SELECT *, {self._problem()} AS _starlift_problem "
            f"FROM (SELECT {', '.join(columns)} {clause})"
        )
        names = column_list(tuple(self.found.names))
        some_exact = self._any_exact(careful)
        exact = f", {self._exact_map()} AS _exact" if some_exact else ""
        sound = f"FROM {careful} WHERE _starlift_problem IS NULL AND _starlift_kept"
        self._copy(f"SELECT {names}, _late{exact} {sound}", rows)
        self._refuse_double_keys(rows)
        if self._tells_gone:
            texts = ", ".join(f"{self._text(name)} AS {identifier(name)}" for name in self.model.key)
            keys = texts if some_exact else column_list(self.model.key)
            self._copy_gone(f"{keys} FROM {careful} WHERE _starlift_problem IS NULL AND NOT _starlift_kept")
        built = self._built(rows, self._gone, self._write_quarantine(careful))
        self.connection.execute(f"DROP TABLE {careful}")
        return built

    def _careful_columns(self) -> list[str]:
        columns = []
        for item in self.found.items:
            columns.append(f"TRY({item.expression}) AS {identifier(item.name)}")
            columns.append(f"{self._exact_text(item)} AS {identifier(EXACT + item.name)}")
            columns.append(f"{self._failed(item)} AS {identifier('_starlift_failed:' + item.name)}")
        where = self.found.where
        columns.append(f"coalesce(TRY({where}), false) AS _starlift_kept" if where else "true AS _starlift_kept")
        lost = [self._unreadable(reference) for reference in self.found.where_references]
        failed = " OR ".join([f"TRY({{'v': {where}}}) IS NULL", *lost]) if where else "false"
        columns.append(f"({failed}) AS _starlift_where_failed")
        return columns

    def _unreadable(self, reference: Reference) -> str:
        alias, column = resolve_reference(reference, self.relations)
        return unreadable(alias, column, self.relations)

    def _exact_text(self, item: Item) -> str:
        """Return the text of a passed-through value that its type cannot hold, NULL otherwise."""
        if not item.bare:
            return "NULL::VARCHAR"
        alias, column = resolve_reference(item.references[0], self.relations)
        lost = unreadable(alias, column, self.relations)
        return (
            "NULL::VARCHAR"
            if lost == "false"
            else f"CASE WHEN {lost} THEN {identifier(alias)}.{identifier(RAW + column)} END"
        )

    def _failed(self, item: Item) -> str:
        if item.bare:
            return "false"
        lost = [self._unreadable(reference) for reference in item.references]
        return "(" + " OR ".join([f"TRY({{'v': {item.expression}}}) IS NULL", *lost]) + ")"

    def _problem(self) -> str:
        """Return the first rule that a row breaks, with its reason; NULL when it breaks none."""
        cases = [f"WHEN _starlift_where_failed THEN {problem('where', 'its WHERE could not be computed')}"]
        if self.some_lost:
            lost = identifier(LOST)
            cases.append(f"WHEN {lost} IS NOT NULL THEN {{'rule': 'cast', 'reason': {lost} || ' cannot be read'}}")
        for item in self.found.items:
            failed = identifier("_starlift_failed:" + item.name)
            reason = f"{item.name} could not be computed"
            cases.append(f"WHEN _starlift_kept AND {failed} THEN {problem('cast', reason)}")
        for test in self.tests:
            # A value kept as exact text is there, but nothing that could be compared knows where it lies.
            exact = identifier(EXACT + test.column)
            fails = f"{test.fails} AND {exact} IS NULL" if test.is_not_null else f"{test.fails} OR {exact} IS NOT NULL"
            cases.append(f"WHEN _starlift_kept AND ({fails}) THEN {problem(test.rule, test.reason)}")
        return f"CASE {' '.join(cases)} END"

    def _driving_text(self) -> str:
        alias = identifier(self.model.alias)
        names = self.relations[self.model.alias].types
        return "{" + ", ".join(f"{identifier(name)}: {alias}.{identifier(RAW + name)}" for name in names) + "}"

    def _any_exact(self, careful: str) -> bool:
        some = " OR ".join(f"{identifier(EXACT + item.name)} IS NOT NULL" for item in self.found.items)
        return bool(self._value(f"SELECT count(*) > 0 FROM {careful} WHERE {some}"))

    def _exact_map(self) -> str:
        names = ", ".join(literal(item.name) for item in self.found.items)
        texts = ", ".join(identifier(EXACT + item.name) for item in self.found.items)
        pairs = f"list_filter(list_zip([{names}], [{texts}]), lambda pair: pair[2] IS NOT NULL)"
        return f"map_from_entries({pairs})"

    def _write_quarantine(self, careful: str) -> Path | None:
        path = self._path("quarantine.jsonl")
        texts = {name: key_text(name, self._text(name), self.tests) for name in self.model.key}
        source = {f"{self.model.driving}.{name}": f"_starlift_driving[{literal(name)}]" for name in self.source_key}
        row = ", ".join(f"{identifier(item.name)}: {self._text(item.name)}" for item in self.found.items)
        found = "_starlift_problem"
        computed = f"{found}.rule NOT IN ('cast', 'where')"
        self.connection.execute(
            f"COPY (SELECT {literal(self.model.name)} AS model, {key_json(texts, source)} AS key, "
            f"{found}.rule AS rule, {found}.reason AS reason, CASE WHEN {computed} THEN to_json({{{row}}}) "
            f"ELSE to_json(_starlift_driving) END AS row FROM {careful} WHERE {found} IS NOT NULL) "
            f"TO {literal(str(path))} (FORMAT json)"
        )
        return path

    def _text(self, name: str) -> str:
        return f"coalesce({identifier(EXACT + name)}, CAST({identifier(name)} AS VARCHAR))"

    def _copy_gone(self, keys: str) -> None:
        """Write the keys of changed driving rows that the WHERE no longer lets through."""
        self._copy(f"SELECT {keys}", self._path("gone.parquet"))

    def _gone_keys(self) -> str:
        by_name = {item.name: item.expression for item in self.found.items}
        return ", ".join(f"{by_name[name]} AS {identifier(name)}" for name in self.model.key)

    def _refuse_double_keys(self, rows: Path) -> None:
        if not self.model.key:
            return
        keys = column_list(self.model.key)
        double = self.connection.execute(
            f"SELECT {keys} FROM {_file(rows)} WHERE ({keys}) IS NOT NULL GROUP BY {keys} HAVING count(*) > 1 LIMIT 1"
        ).fetchone()
        if double:
            key, values = ", ".join(self.model.key), ", ".join(map(str, double))
            raise DuplicateKeyError(
                f"{self.model.path}: {self.model.name} yields the key ({key}) = ({values}) twice. "
                f"Its key must be unique among the rows of {self.model.driving}.",
                model=self.model.name,
            )

    def _built(self, rows: Path, gone: Path | None, quarantine: Path | None) -> Built:
        counts = {
            "rows": self._value(f"SELECT count(*) FROM {_file(rows)}"),
            "gone": self._value(f"SELECT count(*) FROM {_file(gone)}") if gone else 0,
            "quarantine": _count_lines(quarantine) if quarantine else 0,
        }
        keep_rows = counts["rows"] or self.model.load == "replace"
        return Built(
            rows=rows if keep_rows else None,
            gone=gone if counts["gone"] else None,
            quarantine=quarantine if counts["quarantine"] else None,
            counts=counts,
        )

    def _copy(self, query: str, path: Path) -> None:
        self.connection.execute(f"COPY ({query}) TO {literal(str(path))} {WRITE}")

    def _value(self, query: str) -> int:
        found = self.connection.execute(query).fetchone()
        return int(found[0]) if found else 0


def _count_lines(path: Path) -> int:
    with path.open("rb") as stream:
        return sum(1 for _ in stream)


def _file(path: Path) -> str:
    return f"read_parquet({literal(str(path))})"
