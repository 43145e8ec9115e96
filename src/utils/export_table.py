"""A table that arrives as full exports, as `exports/<table>.toml` of a project declares it."""

from dataclasses import dataclass
from enum import StrEnum

from utils.deletes import MAX_DELETED_SHARE
from utils.postgres.names import TableName


class Format(StrEnum):
    """How an export's files are written; gzip is seen by the suffix."""

    CSV = "csv"
    PARQUET = "parquet"


class Deletes(StrEnum):
    """What becomes of a target row whose key is gone from the export."""

    DELETE = "delete"
    MARK = "mark"  # the row stays; its `deleted_at` is set


@dataclass(frozen=True)
class ExportTable:
    """One table of one or more tenants' exports, and the table that its changes are applied to."""

    name: str  # the second part of an object's key
    key: tuple[str, ...]
    target: TableName
    format: Format = Format.CSV
    delimiter: str = ","
    columns: tuple[str, ...] = ()  # of a CSV without a header, in order; empty: the first line names them
    null: str = ""  # what stands for NULL in a CSV when it is not quoted
    closed_by: str | None = None  # the object that ends a version, such as "_SUCCESS"; None: one file a version
    version_pattern: str | None = None  # a regular expression whose groups, as numbers where they are, order versions
    deletes: Deletes = Deletes.DELETE
    max_deleted_share: float = MAX_DELETED_SHARE
    tenant_column: str | None = None  # of the target: holds the tenant, and is part of its key
    engine: str = "duckdb"  # or "athena", where exports outgrow one function


@dataclass(frozen=True)
class ExportVersion:
    """One full export of one tenant's table."""

    tenant: str
    table: str
    version: str

    @property
    def series(self) -> str:
        """What is locked and ordered together."""
        return f"{self.tenant}/{self.table}"

    @property
    def prefix(self) -> str:
        """Where the version's objects are in the exports bucket."""
        return f"{self.tenant}/{self.table}/{self.version}/"
