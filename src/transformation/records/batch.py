"""Records between parsing and checking: their values column by column, in the order of the table."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from utils.records import Rejected

Values = list[str | None]


@dataclass(frozen=True)
class Batch:
    """Records that could be read, and those that could not."""

    columns: list[Values]
    lines: Sequence[int]
    raws: Sequence[str]
    malformed: list[Rejected] = field(default_factory=list)


def malformed(line: int, reason: str, raw: str, column: str | None = None) -> Rejected:
    """Return a record that is wrong as a whole, or holds what no column can."""
    return Rejected(line, column, "malformed", reason, raw)
