"""What applying changes needs from outside: a session of the target database, the declared tables, large changes."""

from collections.abc import Mapping
from dataclasses import dataclass

from utils.export_table import ExportTable
from utils.postgres.session import Session
from utils.store import ObjectStore

LOCK_SECONDS = 30.0  # longer than another shard's batch; a resync takes longer, and the batch comes again


@dataclass(frozen=True)
class Ports:
    """Everything outside that applying touches."""

    target: Session
    tables: Mapping[str, ExportTable]  # by name
    bodies: ObjectStore  # where changes are that are too large for the stream
    lock_seconds: float = LOCK_SECONDS
