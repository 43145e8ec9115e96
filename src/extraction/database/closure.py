"""The join closure: which unchanged rows a batch must carry so that its models can be computed from it alone.

Up first: a changed row affects every driving row that looks it up, at any depth. Then down: each changed
or affected driving row brings the rows that it looks up, at any depth.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from extraction.database.sql import among
from utils.joins import resolve_lookups
from utils.manifest import SourceTable
from utils.model import Lookup, Model
from utils.postgres.names import TableName, column_list, identifier
from utils.project import Project

Condition = Callable[[str], str]
"""Given a row's alias, the SQL condition that the row is in the changed role."""


@dataclass(frozen=True)
class Path:
    """The chain of lookups from a driving table to one that it looks up."""

    driving: str
    steps: tuple[Lookup, ...]  # each step's table is a source table

    @property
    def end(self) -> str:
        """The table looked up last."""
        return str(self.steps[-1].table)


@dataclass(frozen=True)
class Closure:
    """The closure's conditions for one batch.

    `changed` holds a condition for each table with changed rows, and for no other.
    """

    tables: Mapping[str, SourceTable]
    names: Mapping[str, TableName]
    paths: tuple[Path, ...]
    changed: Mapping[str, Condition]

    def affects(self, table: str) -> bool:
        """Tell whether a changed row can affect rows of a driving table."""
        return any(path.driving == table and path.end in self.changed for path in self.paths)

    def affected(self, table: str) -> str | None:
        """Return the condition for unchanged driving rows of which a lookup changed, None when there are none."""
        keys = list(self._affected_keys(table))
        if not keys:
            return None
        return f"{among(identity(self.tables[table]), keys)}{self._unchanged(table)}"

    def context(self, table: str) -> str | None:
        """Return the condition for rows that only others look up, None when there are none."""
        keys = [key for path in self.paths if path.end == table for key in self._looked_up_keys(path)]
        if not keys:
            return None
        inside = among(identity(self.tables[table]), keys, self._affected_keys(table))
        return f"{inside}{self._unchanged(table)}"

    def _unchanged(self, table: str) -> str:
        return f" AND NOT ({self.changed[table]('t')})" if table in self.changed else ""

    def _affected_keys(self, table: str) -> Iterator[str]:
        for path in self.paths:
            if path.driving == table and path.end in self.changed:
                select = column_list(identity(self.tables[table]), "x")
                yield f"SELECT {select} FROM {self._joined(path, 'u')} WHERE {self._changed_end(path, 'u')}"

    def _looked_up_keys(self, path: Path) -> Iterator[str]:
        select = column_list(identity(self.tables[path.end]), f"d{len(path.steps)}")
        start = f"SELECT {select} FROM {self._joined(path, 'd')}"
        if path.driving in self.changed:
            yield f"{start} WHERE {self.changed[path.driving]('x')}"
        for cause in self.paths:
            if cause.driving == path.driving and cause.end in self.changed:
                yield f"{start}{self._joins(cause, 'u')} WHERE {self._changed_end(cause, 'u')}"

    def _changed_end(self, path: Path, prefix: str) -> str:
        return self.changed[path.end](f"{prefix}{len(path.steps)}")

    def _joined(self, path: Path, prefix: str) -> str:
        return f"{self.names[path.driving].sql} x{self._joins(path, prefix)}"

    def _joins(self, path: Path, prefix: str) -> str:
        joins, before = "", "x"
        for depth, step in enumerate(path.steps, 1):
            alias = f"{prefix}{depth}"
            pairs = zip(step.on, step.key, strict=True)
            on = " AND ".join(f"{before}.{identifier(a)} = {alias}.{identifier(b)}" for a, b in pairs)
            joins += f" JOIN {self.names[str(step.table)].sql} {alias} ON {on}"
            before = alias
        return joins


def identity(table: SourceTable) -> tuple[str, ...]:
    """Return the columns that name a row of the table."""
    return table.primary_key or next(iter(table.unique_keys), ())


def find_paths(project: Project, tables: Mapping[str, SourceTable]) -> tuple[Path, ...]:
    """Return every chain of table lookups that the project's models declare."""
    paths = (path for model in project.models for path in _model_paths(model, tables))
    return tuple(dict.fromkeys(paths))


def _model_paths(model: Model, tables: Mapping[str, SourceTable]) -> Iterator[Path]:
    chains: dict[str, tuple[Lookup, ...]] = {model.alias: ()}
    for lookup in resolve_lookups(model, tables):
        if lookup.table is None or lookup.parent not in chains:
            continue  # a lookup file, or a table looked up from one: no source row to follow
        chains[lookup.alias] = (*chains[lookup.parent], lookup)
        yield Path(str(model.driving), chains[lookup.alias])
