"""The chains of lookups by which rows of one table reach another: what a batch must carry beside its changed rows."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from utils.joins import resolve_lookups
from utils.manifest import LandingManifest, SourceTable
from utils.model import Model


@dataclass(frozen=True)
class Step:
    """One lookup: a row of `parent` finds the row of `table` whose `key` equals its `on` columns."""

    parent: str
    on: tuple[str, ...]
    table: str
    key: tuple[str, ...]


Steps = tuple[Step, ...]


@dataclass(frozen=True)
class Path:
    """The chain of lookups from a driving table to one that it looks up."""

    driving: str
    steps: Steps  # never empty

    @property
    def end(self) -> str:
        """The table looked up last."""
        return self.steps[-1].table

    def __str__(self) -> str:
        """The path as a manifest names it."""
        steps = (f"{', '.join(step.on)} = {step.table} ({', '.join(step.key)})" for step in self.steps)
        return " -> ".join((self.driving, *steps))


def find_paths(models: Iterable[Model], tables: Mapping[str, SourceTable]) -> tuple[Path, ...]:
    """Return every chain of table lookups that models declare, each once."""
    return tuple(dict.fromkeys(path for model in models for path in _model_paths(model, tables)))


def _model_paths(model: Model, tables: Mapping[str, SourceTable]) -> Iterator[Path]:
    driving = str(model.driving)
    chains: dict[str, tuple[str, Steps]] = {model.alias: (driving, ())}
    for lookup in resolve_lookups(model, tables):
        if lookup.table is None:
            continue
        if lookup.parent not in chains:
            raise model.error(
                f"looks up {lookup.alias} from {lookup.parent}, a lookup file; which rows that needs cannot be told "
                "from the source. Look it up from a table, or make it a lookup file as well",
                lookup.alias,
            )
        parent, above = chains[lookup.parent]
        steps = (*above, Step(parent, lookup.on, lookup.table, lookup.key))
        chains[lookup.alias] = (lookup.table, steps)
        yield Path(driving, steps)


def carries(batch: LandingManifest, models: Iterable[Model]) -> bool:
    """Tell whether a batch holds every row that models look up, though it may be read before they did.

    Raises:
        ModelError: A model looks up what the batch has no table for.
    """
    tables = {table.name: table for table in batch.tables}
    paths = find_paths(models, tables)
    return all(str(path) in batch.paths or (tables[path.driving].whole and tables[path.end].whole) for path in paths)
