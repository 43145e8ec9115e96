"""What the load stage needs from outside: a session of the warehouse, and the processed store."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from utils.postgres.session import Session
from utils.store import ObjectStore

HOST_MEMORY_MB = 1000  # what DuckDB may use on a host that is not a Lambda
LOCK_SECONDS = 30.0  # longer than the merge of an ordinary batch, shorter than the state machine's patience


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
