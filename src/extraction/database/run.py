"""One run, as extraction sees it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Run:
    """One state-machine execution, or one call on one machine; its attempts differ in their token."""

    run_id: str
    started_at: datetime
    token: str  # 8 hexadecimal digits, new at every attempt
    resync: bool = False  # read every table whole, as a new base
    backfill: tuple[str, ...] = ()  # tables to read whole
    compare_keys: tuple[str, ...] = ()  # tables whose deleted rows to look for in this run
    rows: Mapping[str, tuple[Mapping[str, str], ...]] = field(default_factory=dict)  # to read again: key texts by table
