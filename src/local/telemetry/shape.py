"""What the generator of vehicle readings is asked for."""

from dataclasses import dataclass
from enum import StrEnum


class Format(StrEnum):
    """How a file is written."""

    CSV = "csv"
    JSON = "json"  # one array
    JSONL = "jsonl"  # an object a line


@dataclass(frozen=True)
class Order:
    """Which files to write."""

    format: Format
    files: int
    records: int  # in each
    bad_share: float  # of the records that break a rule, from 0 to 1
    seed: int
