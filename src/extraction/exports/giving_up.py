"""Give up a version of which the stream holds a part and never gets the rest, so that its table goes on."""

from dataclasses import replace

from extraction.exports.register import timestamp
from utils.errors import ConfigurationError, LockHeldError
from utils.registry.claim import Clock, is_held
from utils.registry.records import Entry, Head, Status
from utils.registry.store import Decision, RegistryStore, View, transact

CAUSE = "Given up by a person: the target may hold a part of it, which a resync mends once a later version succeeded."


def give_up(registry: RegistryStore, series: str, version: str, clock: Clock) -> None:
    """Let other versions of the series be claimed before this one, of which only a part was published.

    Raises:
        ConfigurationError: the version does not hold its series up.
        LockHeldError: an execution is at work on the series.
    """

    def decide(view: View) -> Decision[LockHeldError | None]:
        now = int(clock())
        check_stopped(view.head, version)
        if held := _held(view.head, now):
            return Decision(held)
        entry = view.entry(version)
        failed = (_failed(entry, now),) if entry else ()  # without its entry it could never be finished
        return Decision(None, _freed(view.head, version), failed)

    if held := transact(registry, series, decide):
        raise held


def check_stopped(head: Head, version: str) -> None:
    """Raise ConfigurationError unless the version stopped while its changes entered the stream."""
    if head.publishing != version:
        raise ConfigurationError(
            f"{version} does not hold up {head.series}: {head.publishing or 'no version'} does. `starlift exports "
            "status` shows them; any other version is passed over by itself."
        )


def _held(head: Head, now: int) -> LockHeldError | None:
    if not is_held(head, now):
        return None
    return LockHeldError(
        f"{head.owner} works on {head.series} {head.held}. Wait for its end, or until {timestamp(head.lease_until)}.",
        series=head.series,
    )


def _freed(head: Head, version: str) -> Head:
    """Return the head without the version and without an owner; a crashed one that wakes up is late by the fence."""
    return replace(head.released(), publishing=None, fence=head.fence + 1, open={**head.open, version: 0})


def _failed(entry: Entry, now: int) -> Entry:
    return replace(entry, status=Status.FAILED, cause=CAUSE, ended_at=timestamp(now))
