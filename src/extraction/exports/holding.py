"""The lock of one tenant's table, held by a person's command instead of an execution."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace

from utils.errors import ConfigurationError, IntegrityError, LockHeldError
from utils.registry.claim import LEASE_SECONDS, Clock, is_held
from utils.registry.records import Entry
from utils.registry.store import Decision, RegistryStore, View, transact


@contextlib.contextmanager
def hold(registry: RegistryStore, series: str, owner: str, clock: Clock) -> Iterator[Entry]:
    """Keep executions of the series waiting, and yield the entry of the version that its target should show."""
    fence, entry = _take(registry, series, owner, clock)
    try:
        yield entry
    finally:
        _release(registry, series, owner, fence)


def last_succeeded(registry: RegistryStore, series: str) -> Entry:
    """Return the entry of the last version that succeeded, of which the stream holds every change."""
    return _entry(View(registry.head(series), registry))


def _take(registry: RegistryStore, series: str, owner: str, clock: Clock) -> tuple[int, Entry]:
    def decide(view: View) -> Decision[tuple[int, Entry] | LockHeldError]:
        head, now, entry = view.head, int(clock()), _entry(view)
        if head.owner != owner and is_held(head, now):
            return Decision(
                LockHeldError(f"{head.owner} works on {series} {head.held}. Wait for its end.", series=series)
            )
        taken = replace(head, owner=owner, held=entry.version, fence=head.fence + 1, lease_until=now + LEASE_SECONDS)
        return Decision((taken.fence, entry), taken)

    found = transact(registry, series, decide)
    if isinstance(found, LockHeldError):
        raise found
    return found


def _entry(view: View) -> Entry:
    head = view.head
    if head.publishing is not None:
        raise ConfigurationError(
            f"{head.series} {head.publishing} stopped while its changes entered the stream. Start it again first; "
            f"what the stream lacks of it would be lost. If it can never be finished: starlift exports give-up "
            f"{head.series} {head.publishing}"
        )
    if head.succeeded is None:
        raise ConfigurationError(f"No export of {head.series} has succeeded. `starlift exports status` shows them all.")
    entry = view.entry(head.succeeded)
    if entry is None or entry.order is None:
        raise IntegrityError(f"The registry lost {head.series} {head.succeeded}. Deliver a new version.")
    return entry


def _release(registry: RegistryStore, series: str, owner: str, fence: int) -> None:
    def decide(view: View) -> Decision[None]:
        head = view.head
        if (head.owner, head.fence) != (owner, fence):
            return Decision(None)  # the lease ran out, and another took over
        return Decision(None, head.released())

    transact(registry, series, decide)
