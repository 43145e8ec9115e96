"""What is asked about two exports where they are: the queries of `query.py`, over tables cast to texts."""

from collections.abc import Mapping
from dataclasses import dataclass

from transformation.delta import query
from transformation.delta.compare import AFTER, BEFORE, SIDES
from transformation.delta.footer import Side
from transformation.delta.query import Shape
from transformation.delta.task import Task
from utils.export_table import ExportTable
from utils.postgres.names import literal

DELTA = "delta"


@dataclass(frozen=True)
class Plan:
    """The exports where they are, and what is asked about them."""

    task: Task
    table: ExportTable
    sides: Mapping[str, Side]  # without an earlier one there is no BEFORE
    shape: Shape

    @property
    def columns(self) -> tuple[str, ...]:
        """The later export's columns, which count."""
        return self.sides[AFTER].columns

    def queries(self, tables: Mapping[str, str], target: str) -> dict[str, str]:
        """Return every query by its name, given the tables that exist and where the changes are to go."""
        texts = {name: self._texts(name, tables.get(name)) for name in SIDES}
        asked = {
            f"{check} {name}": sql for name in self.sides for check, sql in self._checks(name, texts[name]).items()
        }
        delta = query.delta(texts[BEFORE], texts[AFTER], self.shape)
        return {
            **asked,
            DELTA: f"UNLOAD ({delta}) TO {literal(target)} WITH (format = 'PARQUET', compression = 'SNAPPY')",
        }

    def _checks(self, name: str, texts: str) -> dict[str, str]:
        kinds = self.sides[name].kinds
        dates = [place for place, column in enumerate(self.columns, 1) if kinds.get(column) == "date"]
        beyond = {"dates": query.dates_beyond(texts, self.shape, dates)} if dates else {}
        return {
            "missing": query.keys_missing(texts, self.shape),
            "twice": query.keys_twice(texts, self.shape),
            **beyond,
        }

    def _texts(self, name: str, relation: str | None) -> str:
        """Return the relation of an export's columns as texts; it has no row if the export does not exist."""
        kinds = self.sides[name].kinds if relation else {}
        sources = [f'"{column.lower()}"' if column in kinds else "NULL" for column in self.columns]
        items = ", ".join(f"CAST({source} AS VARCHAR) AS c{place}" for place, source in enumerate(sources, 1))
        return f"(SELECT {items} FROM {relation})" if relation else f"(SELECT {items} WHERE 1 = 0)"
