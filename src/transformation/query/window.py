"""From when until when a run selects, and the partitions that hold it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby

from transformation.query.bound import Bound, joined

TERM = "(year = ? AND month = ? AND day BETWEEN ? AND ? AND hour BETWEEN ? AND ?)"

Span = tuple[date, date, int, int]  # first and last day, of one month, and on each of them the first and last hour


@dataclass(frozen=True)
class Window:
    """A stretch of time by the records' own timestamps, in UTC; its end is not part of it."""

    start: datetime
    end: datetime


def strides(whole: Window, overlap: timedelta, is_empty: Callable[[], bool]) -> Iterator[Window]:
    """Yield a window in parts that each begin by the overlap before the end of the last, and are twice as long.

    After a part that was empty the next is longer, so that years without records take a few.
    """
    start, length = whole.start, 2 * overlap
    while (end := min(start + length, whole.end)) < whole.end:
        yield Window(start, end)
        start, length = end - overlap, 2 * length if is_empty() else 2 * overlap
    yield Window(start, whole.end)


def as_stored(moment: datetime) -> str:
    """Return a moment as records hold it: of equal length, so that texts compare as moments do."""
    moment = moment.astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06d}000Z"


def within(window: Window, timestamp: str) -> Bound:
    """Return the condition that a timestamp lies in the window."""
    return Bound(f'"{timestamp}" >= ? AND "{timestamp}" < ?', (as_stored(window.start), as_stored(window.end)))


def partitions(window: Window) -> Bound:
    """Return the condition that only the window's partitions meet.

    Each term compares a partition column with a value, which Athena needs to leave the others out without listing them.
    """
    terms = [Bound(TERM, _values(span)) for span in _spans(window)]
    years = Bound("year BETWEEN ? AND ?", (terms[0].values[0], terms[-1].values[0]))
    return joined(" AND ", [years, joined(" OR ", terms).in_brackets()])


def _spans(window: Window) -> Iterator[Span]:
    first = window.start.astimezone(UTC)
    last = window.end.astimezone(UTC) - timedelta(microseconds=1)
    days = [first.date() + timedelta(days=number) for number in range((last.date() - first.date()).days + 1)]

    def alike(day: date) -> tuple[int, int, int, int]:
        begins = first.hour if day == first.date() else 0
        ends = last.hour if day == last.date() else 23
        return day.year, day.month, begins, ends

    for (_, _, begins, ends), group in groupby(days, alike):
        same = list(group)
        yield same[0], same[-1], begins, ends


def _values(span: Span) -> tuple[str, ...]:
    first, last, begins, ends = span
    return (f"{first:%Y}", f"{first:%m}", f"{first:%d}", f"{last:%d}", f"{begins:02}", f"{ends:02}")
