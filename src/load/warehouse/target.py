"""One warehouse table while one batch is merged into it, and the conditions by which its rows are compared."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from load.warehouse.layout import BATCH, CURRENT, DELETED, HISTORY, IS_CURRENT, VALID_FROM, VALID_TO
from utils.manifest import WarehouseTable
from utils.postgres.column_types import comparable, equatable
from utils.postgres.names import TableName, identifier, literal


@dataclass(frozen=True)
class Target:
    """A table as this batch found and changed it, and where the batch's rows for it are staged."""

    table: WarehouseTable
    schema: str
    place: int  # in the batch; names the staging tables, since a long table name would leave no room for more
    batch: int
    taken_at: str  # when the source was as this batch shows it, later than any batch before
    types: Mapping[str, str]  # of the model's columns, as the warehouse has them by now
    is_new: bool
    added: Mapping[str, int]  # columns that older rows were written without, and the batch that added each

    @property
    def name(self) -> str:
        """The table's name in SQL."""
        return TableName(self.schema, self.table.name).sql

    @property
    def staging(self) -> str:
        """The name in SQL of the staging table of its rows."""
        return f"pg_temp.staging_{self.place}"

    @property
    def gone(self) -> str:
        """The name in SQL of the staging table of its keys that are gone."""
        return f"pg_temp.gone_{self.place}"

    @property
    def present(self) -> str:
        """The name in SQL of the staging table of the keys that the source still has."""
        return f"pg_temp.present_{self.place}"

    @property
    def current(self) -> str:
        """The column that tells a key's latest version."""
        return IS_CURRENT if self.table.kind == HISTORY else CURRENT

    @property
    def keeps_versions(self) -> bool:
        """Tell whether a key has a row for each of its versions."""
        return self.table.kind in {"fact", HISTORY}

    @property
    def over(self) -> str:
        """What is set on a version that another follows."""
        ended = f", {VALID_TO} = {literal(self.taken_at)}" if self.table.kind == HISTORY else ""
        return f"{self.current} = false{ended}"

    def version(self, deleted: bool) -> dict[str, str]:
        """Return the system columns of a new version, with their values in SQL."""
        values = {BATCH: str(self.batch), self.current: "true", DELETED: str(deleted).lower()}
        if self.table.kind == HISTORY:
            values |= {VALID_FROM: literal(self.taken_at), VALID_TO: "'infinity'"}
        return values

    @property
    def columns(self) -> tuple[str, ...]:
        """The model's columns."""
        return tuple(column.name for column in self.table.columns)

    def value(self, alias: str, column: str) -> str:
        """Return a column in a form whose equality means the same value."""
        return comparable(column, self.types[column], alias)

    def equal_value(self, alias: str, column: str) -> str:
        """Return a column in a form whose equality is what a unique test means by it."""
        return equatable(column, self.types[column], alias)

    def same(self, left: str, right: str, columns: Iterable[str]) -> str:
        """Return the condition that two rows have equal, known values in these columns."""
        pairs = (f"{self.equal_value(left, name)} = {self.equal_value(right, name)}" for name in columns)
        return " AND ".join(pairs) or "true"

    def same_key(self, left: str, right: str) -> str:
        """Return the condition that two rows have the same key."""
        return " AND ".join(f"{left}.{identifier(name)} = {right}.{identifier(name)}" for name in self.table.key)

    def differs(self, left: str, right: str, columns: Iterable[str] | None = None) -> str:
        """Return the condition that two rows of one key differ in any column, compared one by one."""
        names = [name for name in (self.columns if columns is None else columns) if name not in self.table.key]
        pairs = (f"{self.value(left, name)} IS DISTINCT FROM {self.value(right, name)}" for name in names)
        return " OR ".join(pairs) or "false"

    def live(self, alias: str) -> str:
        """Return the condition that a row of the table is in force."""
        if self.table.load == "replace":
            return "true"
        current = f"{alias}.{self.current} AND " if self.keeps_versions else ""
        return f"{current}NOT {alias}._deleted"
