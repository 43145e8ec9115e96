"""Applying what a stream delivers: in order, once, and up to the first change that its target cannot take."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from load.changes.batch import Counts, apply_batch
from load.changes.ports import Ports
from load.changes.records import Delivered, Record, read_delivered, record_number
from load.changes.refusals import refusals_named
from utils.errors import ChangeRefusedError, IntegrityError, ObjectMissingError, SchemaDriftError, TerminalError

PORTION_BYTES = 64 << 20  # of rows in one transaction; only changes that came by reference are ever so many
REFUSALS = (ChangeRefusedError, SchemaDriftError, IntegrityError, ObjectMissingError)


@dataclass(frozen=True)
class Refused:
    """The first change that could not be applied; nothing after it was."""

    number: str  # of its record within the shard
    error: TerminalError
    change: str | None = None  # its idempotency key, where it could be read


@dataclass(frozen=True)
class Outcome:
    """What became of delivered records."""

    counts: Counts
    refused: Refused | None = None


def apply_records(records: Sequence[Record], ports: Ports) -> Outcome:
    """Apply records in order, a delivery in one transaction, and stop at the first that is refused.

    Positions and rows are committed together, so that a delivery which dies at any moment, or comes again in whole or
    in part, leaves the target as one delivery would. Where a record is refused, all before it are committed, in as
    few transactions as halving takes to find it.
    """
    reading, counts = _Reading(records, ports), Outcome({}).counts
    for portion in reading.portions():
        outcome = _apply(portion, ports)
        counts = _sum(counts, outcome.counts)
        if outcome.refused:
            return Outcome(counts, outcome.refused)
    return Outcome(counts, reading.refused)


@dataclass
class _Reading:
    """Reads records until one is refused; memory stays at one portion."""

    records: Sequence[Record]
    ports: Ports
    refused: Refused | None = None

    def portions(self) -> Iterator[list[Delivered]]:
        """Yield changes in order, as many at a time as fit one transaction: as a rule all of them."""
        portion, size = [], 0
        for delivered in self._delivered():
            portion.append(delivered)
            size += delivered.bytes
            if size > PORTION_BYTES:
                yield portion
                portion, size = [], 0
        if portion:
            yield portion

    def _delivered(self) -> Iterator[Delivered]:
        for record in self.records:
            try:
                yield read_delivered(record, self.ports)
            except REFUSALS as error:
                self.refused = Refused(record_number(record), error)
                return


def _apply(portion: list[Delivered], ports: Ports) -> Outcome:
    """Apply changes in one transaction, or those before the first that is refused in several."""
    try:
        with refusals_named():
            return Outcome(apply_batch(portion, ports))
    except REFUSALS as error:
        if len(portion) == 1:
            return Outcome({}, Refused(portion[0].number, error, portion[0].change.idempotency_key))
    half = len(portion) // 2
    begun = _apply(portion[:half], ports)
    if begun.refused:
        return begun
    rest = _apply(portion[half:], ports)
    return Outcome(_sum(begun.counts, rest.counts), rest.refused)


def _sum(left: Counts, right: Counts) -> Counts:
    """Add counts up by table."""
    total = {name: dict(counts) for name, counts in left.items()}
    for name, counts in right.items():
        own = total.setdefault(name, dict.fromkeys(counts, 0))
        total[name] = {what: own[what] + count for what, count in counts.items()}
    return total
