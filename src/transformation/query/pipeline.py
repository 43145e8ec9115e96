"""Select what is new in the lake, leave out what is settled, and put the rest into the delivery queue."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from transformation.query.messages import Parcel, UnsendableError, as_parcel, hour_of, pack
from transformation.query.notes import Notes, move_mark, read_mark
from transformation.query.ports import Ports
from transformation.query.request import Request
from transformation.query.rows import Record
from transformation.query.statement import compose, leave_out_queued, read_query
from transformation.query.window import Window, strides
from utils.deadline import RESERVE

MAX_RECORDS = 500_000  # queued by one run, whose ids it holds in memory; the next goes on where it ends

logger = logging.getLogger(__name__)


@dataclass
class Queued:
    """What a run did."""

    window: Window | None = None  # from the first stride to the last; None when there is nothing to select from
    records: int = 0
    messages: int = 0
    settled: int = 0  # left out, because the ledger knows what became of them
    unsendable: int = 0
    more: bool = False  # time or memory ended before the answer did


def queue_records(request: Request, ports: Ports) -> Queued:
    """Queue each record of a window that was not queued before, and move the mark.

    Messages first, then notes of what they bring, then the mark. A crash before the notes means that records are queued
    twice, and the ledger lets them be delivered once; a crash before the mark means that the next run reads the same
    partitions, and the notes leave out what was queued. Nothing is noted that is not in the queue or settled, and the
    mark only moves over what is noted.
    """
    run = _Run(ports, request, Notes(ports.store))
    if request.window is None:
        _follow(run, ports)
    else:
        run.send(request.window)
    return run.queued


def _follow(run: "_Run", ports: Ports) -> None:
    """Queue from the mark until now, and move the mark.

    In strides, so that a long silence is made good in queries that each stay within Athena's limits, and none twice.
    """
    now = datetime.fromtimestamp(ports.clock(), UTC)
    overlap = timedelta(seconds=ports.project.query.overlap_seconds)
    whole = _unread(ports, now, overlap)
    for window in strides(whole, overlap, run.found_nothing) if whole else ():
        if run.queued.window and ports.seconds_left() < 2 * RESERVE:
            run.leave_rest()
        if not run.queued.more:
            run.send(window)
        if run.queued.more:
            return
        move_mark(ports.store, window.end)


def _unread(ports: Ports, now: datetime, overlap: timedelta) -> Window | None:
    """Return what is unread and the overlap before it; before the first run, all from the oldest record on."""
    mark = read_mark(ports.store)
    if mark is not None:
        return Window(min(mark, now) - overlap, now)
    oldest = next(iter(ports.store.list("raw/year=")), None)
    return None if oldest is None else Window(min(hour_of(oldest.key), now - timedelta(hours=1)), now)


@dataclass
class _Run:
    """One run's way from the answer to the queue."""

    ports: Ports
    request: Request
    notes: Notes
    queued: Queued = field(default_factory=Queued)
    _seen: set[str] = field(default_factory=set)
    _before: int = 0  # how many were seen when the stride began

    def send(self, window: Window) -> None:
        """Send what the query selects, and note what was sent, also when something fails on the way."""
        self._before = len(self._seen)
        self.queued.window = Window(self.queued.window.start, window.end) if self.queued.window else window
        try:
            for message in self.ports.queue.send(pack(self._parcels(window))):
                self.notes.add(message.parcels)
                self.queued.messages += 1
                self.queued.records += len(message.parcels)
        finally:
            self.notes.flush()

    def found_nothing(self) -> bool:
        """Tell whether the last stride brought no record."""
        return self._before == len(self._seen)

    def leave_rest(self) -> None:
        """Say that the next run goes on."""
        self.queued.more = True
        logger.warning("rest left for the next run", extra={"records": len(self._seen)})

    def _parcels(self, window: Window) -> Iterator[Parcel]:
        for page in self._pages(window):
            new = self._new(self._sendable(page))
            settled = self._settled(new)
            if settled and not self.request.again:  # or each run of the overlap asks for them, until the ledger forgets
                self.notes.add([new[name] for name in settled])
            yield from (parcel for name, parcel in new.items() if name not in settled)
            if self._must_end():
                self.leave_rest()
                return

    def _pages(self, window: Window) -> Iterator[list[Record]]:
        request, ports = self.request, self.ports
        statement = compose(read_query(ports.project, request.parameters), ports.project, window, ports.database)
        if not request.again:
            statement = leave_out_queued(statement, window, ports.database)
        return ports.lake.select(statement)

    def _must_end(self) -> bool:
        return len(self._seen) >= MAX_RECORDS or self.ports.seconds_left() < RESERVE

    def _sendable(self, page: list[Record]) -> Iterator[Parcel]:
        for record in page:
            try:
                yield as_parcel(record)
            except UnsendableError as reason:
                self.queued.unsendable += 1
                told = {"record_id": str(record.get("id"))[:100], "object_key": str(record.get("objectKey"))[:1000]}
                logger.critical("record cannot be sent", extra={**told, "reason": str(reason)})

    def _new(self, parcels: Iterator[Parcel]) -> dict[str, Parcel]:
        """Return what this run has not met yet, by id."""
        new = {parcel.id: parcel for parcel in parcels if parcel.id not in self._seen}
        self._seen.update(new)
        return new

    def _settled(self, parcels: Mapping[str, Parcel]) -> set[str]:
        """Return which of them the ledger knows."""
        settled = self.ports.ledger.settled(parcels) if parcels else set()
        self.queued.settled += len(settled)
        return settled
