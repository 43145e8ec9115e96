"""Python models: a function over pandas frames of the batch's joined rows, called in chunks."""

import importlib.util
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import duckdb
import pandas as pd
import pyarrow as pa

from transformation.star_schema.relations import LATE, ROLE, Relation, create_computed
from transformation.star_schema.select_list import Item, Reference, SelectList
from transformation.star_schema.sql import from_clause
from utils.model import Lookup, Model
from utils.postgres.names import column_list, identifier

CHUNK_ROWS = 50_000  # a few tens of MB as frames, whatever the batch holds

Build = Callable[..., pd.DataFrame]


def output_items(model: Model) -> SelectList:
    """Return the model's columns as its header's types declare them."""
    if not model.types:
        raise model.error("needs [types]: the PostgreSQL type of each column that build() returns", "kind")
    items = (Item(name, identifier(name), (Reference(model.alias, name, 1),), bare=True) for name, _ in model.types)
    return SelectList(tuple(items), where=None)


def load_build(model: Model) -> Build:
    """Import the model's file and return its build function, or raise ModelError."""
    spec = importlib.util.spec_from_file_location(f"starlift_model_{model.name}", model.path)
    if spec is None or spec.loader is None:
        raise model.error("cannot be imported")
    module: ModuleType = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (ImportError, SyntaxError, NameError, AttributeError) as error:
        raise model.error(f"cannot be imported: {error!r}") from error
    build = getattr(module, "build", None)
    if not callable(build):
        raise model.error("has no function build()")
    return build  # type: ignore[no-any-return]


@dataclass(frozen=True)
class PythonRows:
    """One Python model over one batch."""

    connection: duckdb.DuckDBPyConnection
    model: Model
    lookups: Sequence[Lookup]
    relations: Mapping[str, Relation]
    late: str

    def compute(self, gone: Path) -> tuple[Relation, bool]:
        """Return the computed rows as a relation, and whether keys of rows that build() left out are in `gone`."""
        build, table = load_build(self.model), identifier(f"python:{self.model.name}")
        names = [name for name, _ in self.model.types]
        columns = ", ".join(f"{identifier(name)} VARCHAR" for name in [*names, ROLE])
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {table} ({columns}, {identifier(LATE)} BOOLEAN)")
        left_out = [keys for chunk in self._chunks() if (keys := self._compute_chunk(build, table, chunk)) is not None]
        relation = create_computed(self.connection, self.model.alias, dict(self.model.types), f"FROM {table}")
        if left_out:
            self._write_gone(pd.concat(left_out), gone)
        return relation, bool(left_out)

    def _chunks(self) -> Iterator[pd.DataFrame]:
        clause = from_clause(self.model, self.lookups, self.relations, lenient=True)
        columns = [
            f"{identifier(alias)}.{identifier(name)} AS {identifier(f'{alias}.{name}')}"
            for alias, relation in self.relations.items()
            for name in relation.types
        ]
        query = f"SELECT {', '.join(columns)}, {self.late} AS {identifier(LATE)} {clause}"
        # A cursor of its own: rows are inserted on the connection while these are read.
        for batch in self.connection.cursor().sql(query).to_arrow_reader(CHUNK_ROWS):
            yield pa.Table.from_batches([batch]).to_pandas(types_mapper=pd.ArrowDtype)

    def _compute_chunk(self, build: Build, table: str, chunk: pd.DataFrame) -> pd.DataFrame | None:
        frames = {alias: self._frame(chunk, alias) for alias in self.relations}
        output = build(**frames)
        self._check_output(output, chunk)
        self._insert(table, output, chunk)
        missing = chunk.index.difference(output.index)
        return self._keys(frames[self.model.alias].loc[missing]) if len(missing) else None

    def _frame(self, chunk: pd.DataFrame, alias: str) -> pd.DataFrame:
        names = {f"{alias}.{name}": name for name in self.relations[alias].types}
        return chunk[list(names)].rename(columns=names)

    def _check_output(self, output: pd.DataFrame, chunk: pd.DataFrame) -> None:
        wanted = [name for name, _ in self.model.types]
        if set(output.columns) != set(wanted):
            raise self.model.error(
                f"returns the columns {', '.join(output.columns)}, but [types] has {', '.join(wanted)}", "types"
            )
        if not output.index.is_unique or not output.index.isin(chunk.index).all():
            raise self.model.error(
                "returns rows whose index is not of the rows it got; keep the index, one row for one"
            )

    def _insert(self, table: str, output: pd.DataFrame, chunk: pd.DataFrame) -> None:
        names = [name for name, _ in self.model.types]
        rows = pa.Table.from_pandas(output[names].join(chunk[[LATE]]), preserve_index=False)  # noqa: F841 - DuckDB finds it
        texts = ", ".join(f"CAST({identifier(name)} AS VARCHAR)" for name in names)
        self.connection.execute(f"INSERT INTO {table} SELECT {texts}, 'changed', {identifier(LATE)} FROM rows")

    def _keys(self, driving: pd.DataFrame) -> pd.DataFrame:
        if not set(self.model.key) <= set(driving.columns):
            key = ", ".join(self.model.key)
            raise self.model.error(
                f"leaves out rows, but its key {key} is not among the columns of {self.model.driving}; name the key as "
                "the source does, so that what is gone can be told",
                "key",
            )
        return driving[list(self.model.key)]

    def _write_gone(self, keys: pd.DataFrame, path: Path) -> None:
        rows = pa.Table.from_pandas(keys, preserve_index=False)  # noqa: F841 - DuckDB finds it by its name
        query = f"SELECT {column_list(self.model.key)} FROM rows"
        self.connection.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
