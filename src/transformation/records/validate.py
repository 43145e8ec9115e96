"""Records that may enter their table, and those that may not, each with the first rule that it breaks."""

from collections.abc import Callable, Sequence
from itertools import compress

from transformation.records.batch import Batch, malformed
from transformation.records.checks import Fault, build_checks
from utils.file_table import FileTable
from utils.records import Chunk, Rejected, Row

UNSTORABLE = "holds a NUL character or half of a surrogate pair, which PostgreSQL cannot store"


def validator(table: FileTable) -> Callable[[Batch], Chunk]:
    """Return what cleans and checks a batch by the rules of a table."""
    checks = build_checks(table)

    def validate(batch: Batch) -> Chunk:
        columns = [check.cleaned(values) for check, values in zip(checks, batch.columns, strict=True)]
        faults: dict[int, Fault] = {}
        for check, values in zip(checks, columns, strict=True):
            faults = check.faults(values) | faults  # the first column's fault stands
        rows: list[Row] = list(zip(*columns, strict=True))
        rejected = [_rejected(batch, place, fault) for place, fault in faults.items()]
        unstorable = {place: column for place, column in _unstorable(table, batch, rows) if place not in faults}
        rejected += [
            malformed(batch.lines[place], UNSTORABLE, batch.raws[place], column) for place, column in unstorable.items()
        ]
        return _chunk(batch, rows, rejected, faults.keys() | unstorable.keys())

    return validate


def _rejected(batch: Batch, place: int, fault: Fault) -> Rejected:
    return Rejected(batch.lines[place], fault.column, fault.rule, fault.reason, batch.raws[place])


def _unstorable(table: FileTable, batch: Batch, rows: Sequence[Row]) -> list[tuple[int, str]]:
    """Return the first column of each record that no text of PostgreSQL can hold; in JSON they hide in escapes."""
    together = "".join(batch.raws)
    if "\0" not in together and "\\u" not in together:
        return []
    names = table.column_names
    return [
        (place, names[position])
        for place, row in enumerate(rows)
        if (position := next((p for p, value in enumerate(row) if value and not _is_storable(value)), -1)) >= 0
    ]


def _is_storable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in value


def _chunk(batch: Batch, rows: list[Row], rejected: list[Rejected], bad: set[int]) -> Chunk:
    together = sorted(batch.malformed + rejected, key=lambda one: one.line)
    if not bad:
        return Chunk(rows, batch.lines, batch.raws, together)
    keeps = [place not in bad for place in range(len(rows))]
    lines, raws = list(compress(batch.lines, keeps)), list(compress(batch.raws, keeps))
    return Chunk(list(compress(rows, keeps)), lines, raws, together)
