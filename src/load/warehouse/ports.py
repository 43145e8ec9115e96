"""What the load stage needs from outside: a session of the warehouse, and the processed store."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from utils.store import ObjectStore

HOST_MEMORY_MB = 1000  # what DuckDB may use on a host that is not a Lambda
LOCK_SECONDS = 30.0  # longer than the merge of an ordinary batch, shorter than the state machine's patience


class Session(Protocol):
    """One session of the warehouse database."""

    @property
    def row_count(self) -> int:
        """How many rows the last statement wrote or returned."""
        ...

    @property
    def columns(self) -> list[dict[str, Any]]:
        """The last result's columns, with `type_oid` and `type_modifier`."""
        ...

    def run(self, sql: str, **parameters: object) -> list[list[Any]] | None:
        """Run a statement and return its rows."""
        ...

    def rows(self, statement: str, **parameters: object) -> list[dict[str, Any]]:
        """Run a statement and return its rows by column name."""
        ...

    def value(self, statement: str, **parameters: object) -> Any:
        """Run a statement and return its first value, None when it has no row."""
        ...

    def copy_in(self, statement: str, blocks: Iterable[bytes]) -> int:
        """Feed blocks to `COPY ... FROM STDIN` and return the number of rows it took."""
        ...

    def close(self) -> None:
        """End the session; the server rolls back what was not committed."""
        ...


@dataclass(frozen=True)
class Ports:
    """Everything outside that loading touches."""

    warehouse: Session
    processed: ObjectStore
    scratch: Path  # where fetched files may rest for as long as their batch is loaded
    schema: str  # of the warehouse's tables
    accepted_deletes: frozenset[str] = frozenset()  # source tables of which any number of rows may be gone
    lock_seconds: float = LOCK_SECONDS
    memory_mb: int = HOST_MEMORY_MB  # for reading Parquet
    definitions: Mapping[str, str] = field(default_factory=dict)  # of the project's models as they are now
