"""Which unchanged rows a batch must carry, so that its models can be computed from it alone.

Up first, from changed rows only: a changed row affects every driving row that looks it up, at any depth. Then
down: what the changed and affected driving rows look up, at any depth, is their context. Every condition is a
semi-join whose inner side does not depend on the outer row, which PostgreSQL hashes, so a statement costs one
pass over each table it names.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from utils.manifest import Column, SourceTable
from utils.paths import Path, Step, Steps
from utils.postgres.names import TableName, column_list, identifier

Condition = Callable[[str], str]
"""Given a row's alias, the SQL condition that the row is in the changed role."""

NUMBERS = ("smallint", "integer", "bigint", "numeric", "real", "double precision")
TEXTS = ("text", "character varying")
DATES = ("date", "timestamp")


@dataclass(frozen=True)
class Closure:
    """The closure's conditions for one batch, each on a row `t`.

    `changed` holds a condition for each table with rows written since the last batch, and for no other. A table
    that is whole has all its rows in the batch; where a lookup's change made it so, it is not itself changed.
    `unaffected` names tables of which no row was found to be affected, which spares asking again.
    """

    tables: Mapping[str, SourceTable]
    names: Mapping[str, TableName]
    paths: tuple[Path, ...]
    changed: Mapping[str, Condition]
    unaffected: frozenset[str] = frozenset()

    def affects(self, table: str) -> bool:
        """Tell whether a changed row can affect rows of a driving table."""
        return bool(self._causes(table))

    def affected(self, table: str) -> str | None:
        """Return the condition for unchanged driving rows of which a lookup changed, None when there are none."""
        causes = self._causes(table)
        if not causes or self.tables[table].whole:
            return None
        return f"{self._unchanged(table)}{self._any(table, [self._finds_changed(steps, 't') for steps in causes])}"

    def context(self, table: str) -> str | None:
        """Return the condition for rows that only others look up, None when there are none."""
        wanted: dict[str, list[str]] = {}
        for path in self.paths:
            if path.end == table and not self.tables[table].whole and self._in_batch(path.driving, "p0"):
                key, found = self._found_by(path.steps, "t")
                wanted.setdefault(key, []).append(found)
        if not wanted:
            return None
        conditions = [f"{key} IN ({_union(found)})" for key, found in wanted.items()]
        return f"{self._unchanged(table)}{self._unaffected(table)}{self._any(table, conditions)}"

    def _causes(self, driving: str) -> list[Steps]:
        """Return the ways from a driving table to a lookup with changed rows."""
        if driving in self.unaffected:
            return []
        return [path.steps for path in self.paths if path.driving == driving and path.end in self.changed]

    def _unchanged(self, table: str) -> str:
        return f"({self.changed[table]('t')}) IS NOT TRUE AND " if table in self.changed else ""

    def _unaffected(self, table: str) -> str:
        causes, key = self._causes(table), self.tables[table].primary_key
        if not causes:
            return ""
        same = " AND ".join(f"{_column('a', name)} = {_column('t', name)}" for name in key)
        selected = f"SELECT {column_list(key, 'd')} FROM {self.names[table].sql} d WHERE "
        affected = _union(selected + self._finds_changed(steps, "d") for steps in causes)
        # NOT IN would not be hashed into a join; NOT EXISTS is.
        return f"NOT EXISTS (SELECT FROM ({affected}) a WHERE {same}) AND "

    def _finds_changed(self, steps: Steps, alias: str) -> str:
        """Return the condition for a row from which the steps lead to a changed row."""
        step, rest, below = steps[0], steps[1:], f"l{len(steps)}"
        on, key = self._compared(step, alias, below)
        goal = self._finds_changed(rest, below) if rest else self.changed[step.table](below)
        return f"{_row(on)} IN (SELECT {', '.join(key)} FROM {self.names[step.table].sql} {below} WHERE {goal})"

    def _found_by(self, steps: Steps, alias: str) -> tuple[str, str]:
        """Return the key of the rows that the steps end at, and the selection of keys that the batch looks up."""
        step, above, parent = steps[-1], steps[:-1], f"p{len(steps)}"
        on, key = self._compared(step, parent, alias)
        selected = f"SELECT {', '.join(on)} FROM {self.names[step.parent].sql} {parent} WHERE "
        if above:
            key_above, found = self._found_by(above, parent)
            return _row(key), f"{selected}{key_above} IN ({found})"
        return _row(key), _union(selected + condition for condition in self._in_batch(step.parent, parent))

    def _in_batch(self, driving: str, alias: str) -> list[str]:
        """Return conditions that together mean the changed and affected rows of a driving table."""
        if self.tables[driving].whole:
            return ["true"]
        changed = [self.changed[driving](alias)] if driving in self.changed else []
        return changed + [self._finds_changed(steps, alias) for steps in self._causes(driving)]

    def _any(self, table: str, conditions: list[str]) -> str:
        """Join conditions on `t` by OR: as one semi-join, where the rows have a key to be told apart by."""
        key = self.tables[table].primary_key
        if len(conditions) == 1 or not key:
            return f"({' OR '.join(conditions)})"
        selected = f"SELECT {column_list(key, 't')} FROM {self.names[table].sql} t WHERE "
        return f"({column_list(key, 't')}) IN ({_union(selected + condition for condition in conditions)})"

    def _compared(self, step: Step, alias: str, below: str) -> tuple[list[str], list[str]]:
        """Return both sides of a join; columns whose types differ are compared as text."""
        on, key = [], []
        for here, there in zip(step.on, step.key, strict=True):
            pair = self._source_column(step.parent, here), self._source_column(step.table, there)
            cast = "" if _comparable(*pair) else "::text"
            on.append(_column(alias, here) + cast)
            key.append(_column(below, there) + cast)
        return on, key

    def _source_column(self, table: str, name: str) -> Column:
        return next(column for column in self.tables[table].columns if column.name == name)


def _column(alias: str, name: str) -> str:
    return f"{alias}.{identifier(name)}"


def _row(columns: Iterable[str]) -> str:
    return f"({', '.join(columns)})"


def _union(selections: Iterable[str]) -> str:
    return " UNION ALL ".join(dict.fromkeys(selections))


def _comparable(first: Column, second: Column) -> bool:
    """Tell whether PostgreSQL itself compares two columns; an extension's operators are off the search path."""
    if any(first.type.startswith(family) and second.type.startswith(family) for family in (NUMBERS, DATES)):
        return True
    if first.type.startswith(TEXTS):
        return all(column.declared.startswith(TEXTS) for column in (first, second))
    return first.type == second.type
