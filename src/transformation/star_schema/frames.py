"""Running Python models: a function over pandas frames of the batch's joined rows, called in chunks."""

import contextlib
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa

from transformation.star_schema.python_model import Build, load_build
from transformation.star_schema.relations import LATE, LOST, RAW, ROLE, Relation, create_computed
from transformation.star_schema.sql import from_clause, unreadable
from utils.errors import ModelError
from utils.model import Lookup, Model
from utils.postgres.names import column_list, identifier, literal

CHUNK_ROWS = 50_000  # a few tens of MB as frames, whatever the batch holds
MAX_MESSAGE = 500  # characters; an error of pandas may quote a whole column


@dataclass(frozen=True)
class Computed:
    """What a Python model made of a batch."""

    relation: Relation
    some_gone: bool
    some_lost: bool  # rows that could not be given to it, to be quarantined


@dataclass(frozen=True)
class PythonRows:
    """One Python model over one batch."""

    connection: duckdb.DuckDBPyConnection
    model: Model
    lookups: Sequence[Lookup]
    relations: Mapping[str, Relation]
    late: str

    def compute(self, gone: Path) -> "Computed":
        """Compute every row, in chunks; keys of rows that build() leaves out are written to `gone`."""
        names = [name for name, _ in self.model.types]
        columns = ", ".join(f"{identifier(name)} VARCHAR" for name in [*names, ROLE, LOST])
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {self._table} ({columns}, {identifier(LATE)} BOOLEAN)")
        some_lost, build = self._insert_lost(), load_build(self.model)
        left_out = [keys for chunk in self._chunks() if (keys := self._compute_chunk(build, chunk)) is not None]
        relation = create_computed(self.connection, self.model.name, dict(self.model.types), f"FROM {self._table}")
        if left_out:
            self._write_gone(pd.concat(left_out), gone)
        return Computed(relation, some_gone=bool(left_out), some_lost=some_lost)

    @property
    def _table(self) -> str:
        return identifier(f"python:{self.model.name}")

    @property
    def _joined(self) -> str:
        return from_clause(self.model, self.lookups, self.relations, lenient=True)

    @property
    def _lost(self) -> str:
        """Return the expression that names a value which DuckDB cannot hold, NULL where it holds all."""
        cases = [
            f"WHEN {lost} THEN {literal(f'{alias}.{name}')}"
            for alias, relation in self.relations.items()
            for name in relation.types
            if (lost := unreadable(alias, name, self.relations)) != "false"
        ]
        return f"CASE {' '.join(cases)} END" if cases else "NULL"

    def _insert_lost(self) -> bool:
        """Insert rows that hold such a value as they are, for quarantine: a frame would show NULL in its place."""
        held, alias = self.relations[self.model.alias].types, identifier(self.model.alias)
        names = [name for name, _ in self.model.types if name in held]
        texts = "".join(f"{alias}.{identifier(RAW + name)}, " for name in names)
        into = column_list((*names, ROLE, LOST, LATE))
        inserted = self.connection.execute(
            f"INSERT INTO {self._table} ({into}) SELECT {texts}'changed', {self._lost}, {self.late} {self._joined} "
            f"WHERE {self._lost} IS NOT NULL"
        ).fetchone()
        return bool(inserted and inserted[0])

    def _chunks(self) -> Iterator[pd.DataFrame]:
        columns = [
            f"{identifier(alias)}.{identifier(name)} AS {identifier(f'{alias}.{name}')}"
            for alias, relation in self.relations.items()
            for name in relation.types
        ]
        late = f"{self.late} AS {identifier(LATE)}"
        query = f"SELECT {', '.join(columns)}, {late} {self._joined} WHERE {self._lost} IS NULL"
        # A cursor of its own: rows are inserted on the connection while these are read.
        with self.connection.cursor() as reader:
            for batch in reader.sql(query).to_arrow_reader(CHUNK_ROWS):
                yield pa.Table.from_batches([batch]).to_pandas(types_mapper=pd.ArrowDtype)

    def _compute_chunk(self, build: Build, chunk: pd.DataFrame) -> pd.DataFrame | None:
        frames = {alias: self._frame(chunk, alias) for alias in self.relations}
        try:
            output = build(**frames)
            self._check_output(output, chunk)
            self._insert(output, chunk)
        except duckdb.Error:
            raise  # not the model's own
        except (Exception, SystemExit) as error:  # what a person's code may raise is not known
            raise self._failure(error) from error
        missing = chunk.index.difference(output.index)
        return self._keys(frames[self.model.alias].loc[missing]) if len(missing) else None

    def _failure(self, error: BaseException) -> ModelError:
        """Name the line of the model that failed."""
        frames = traceback.extract_tb(error.__traceback__)
        line = next((frame.lineno for frame in reversed(frames) if frame.filename == str(self.model.path)), None) or 1
        message = f"{self.model.path}:{line}: {self.model.name} failed in build(): {error!r}"
        return ModelError(message[:MAX_MESSAGE], file=str(self.model.path), line=line)

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

    def _insert(self, output: pd.DataFrame, chunk: pd.DataFrame) -> None:
        names = [name for name, _ in self.model.types]
        texts = ", ".join(f"CAST({identifier(name)} AS VARCHAR)" for name in names)
        into = column_list((*names, ROLE, LATE))
        with self._registered(output[names].join(chunk[[LATE]])) as rows:
            self.connection.execute(
                f"INSERT INTO {self._table} ({into}) SELECT {texts}, 'changed', {identifier(LATE)} FROM {rows}"
            )

    @contextlib.contextmanager
    def _registered(self, frame: pd.DataFrame) -> Iterator[str]:
        """Show a frame to DuckDB for a while, and return the name it has there."""
        name = f"frame:{self.model.name}"
        self.connection.register(name, pa.Table.from_pandas(frame, preserve_index=False))
        try:
            yield identifier(name)
        finally:
            self.connection.unregister(name)

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
        with self._registered(keys) as rows:
            query = f"SELECT {column_list(self.model.key)} FROM {rows}"
            self.connection.execute(f"COPY ({query}) TO {literal(str(path))} (FORMAT parquet)")
