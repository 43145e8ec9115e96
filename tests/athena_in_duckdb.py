"""Athena on one machine: its dialect translated for DuckDB, its catalogue's types cast to, its files in a folder."""

import re
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from transformation.delta.ports import Progress
from utils.postgres.names import literal

UNLOAD = re.compile(r"UNLOAD \((.*)\) TO '([^']*)' WITH \(format = 'PARQUET', compression = 'SNAPPY'\)", re.DOTALL)


def translated(sql):
    """Return DuckDB's text for a query of Athena's; without sqlglot, the query itself, which should mean the same."""
    try:
        import sqlglot
    except ImportError:
        return sql
    (found,) = sqlglot.transpile(sql, read="athena", write="duckdb", error_level=sqlglot.ErrorLevel.RAISE)
    return found


@dataclass
class AthenaInDuckDB:
    """Answers only after it was asked `slow` times; a query whose name is in `fails` ends as that says."""

    slow: int = 0
    fails: list[Progress] = field(default_factory=list)  # for queries in order of their start
    tables: dict[str, str] = field(default_factory=dict)
    started: dict[str, tuple[str, list]] = field(default_factory=dict)
    stopped: list[str] = field(default_factory=list)
    asked: int = 0

    def create_table(self, name, columns, location):
        items = ", ".join(f'CAST("{column}" AS {_type(kind)}) AS "{column}"' for column, kind in columns.items())
        files = sorted(str(path) for path in Path(location).iterdir() if not path.name.startswith(("_", ".")))
        self.tables[name] = f"SELECT {items} FROM read_parquet({files})"

    def drop_table(self, name):
        self.tables.pop(name, None)

    def relation(self, name):
        return f'"{name}"'

    def start(self, sql):
        query = str(uuid.uuid4())
        self.started[query] = (sql, self.fails.pop(0) if self.fails else self._run(sql))
        return query

    def progress(self, query):
        self.asked += 1
        if query in self.stopped:
            return Progress(done=True, failure="Query was cancelled by user.", passing=True)
        if self.asked <= self.slow:
            return Progress(done=False)
        found = self.started[query][1]
        return found if isinstance(found, Progress) else Progress(done=True)

    def rows(self, query):
        return [tuple(None if value is None else str(value) for value in row) for row in self.started[query][1]]

    def stop(self, query):
        self.stopped.append(query)

    def _run(self, sql):
        with duckdb.connect() as engine:
            for name, relation in self.tables.items():
                engine.execute(f'CREATE VIEW "{name}" AS {relation}')
            if not (unload := UNLOAD.fullmatch(sql)):
                return engine.execute(translated(sql)).fetchall()
            folder = Path(unload[2])
            assert not folder.exists(), "Athena refuses to unload into a folder that holds something."
            folder.mkdir(parents=True)
            for remainder in (0, 1):  # Athena writes several files, in no order
                part = f"SELECT * FROM ({translated(unload[1])}) WHERE hash(op, a1, b1) % 2 = {remainder}"
                engine.execute(f"COPY ({part}) TO {literal(str(folder / str(remainder)))} (FORMAT parquet)")
            return []


def _type(kind):
    return {"string": "VARCHAR", "int": "INTEGER"}.get(kind, kind)
