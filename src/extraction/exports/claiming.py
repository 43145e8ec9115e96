"""Give the lock of one tenant's table to one execution at a time, in order of version."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from extraction.exports.ports import Ports, Request
from extraction.exports.register import timestamp, with_ticket
from extraction.exports.versions import declared, rank_of_earlier
from utils.errors import LockHeldError
from utils.export_table import ExportTable
from utils.registry.claim import LEASE_SECONDS, Claim, is_held
from utils.registry.records import ENDED, Entry, Head, Status, expiry
from utils.registry.store import Decision, View, transact

Found = Claim | Status | LockHeldError


def acquire(request: Request, ports: Ports) -> Claim | Status:
    """Return a claim, or the status of a version that ended meanwhile; raise LockHeldError while others go first.

    The claim may be of another version than the one asked for: if a version stopped after some of its changes
    had entered the stream, it is finished first, by whoever comes next.
    """
    table = declared(ports.tables, request.version)

    def decide(view: View) -> Decision[Found]:
        now = ports.now()
        entry = view.known(request.version.version)
        if entry.status in ENDED:
            return Decision(entry.status)
        if view.head.owner == request.execution:
            return _same_again(view, now)
        if is_outdated(entry, view.head, table):
            return _superseded(view, entry, now)
        if held := _who_goes_first(view.head, request, table, now):
            return Decision(held, with_ticket(view.head, request.version.version, now))
        return _claim(view, view.known(view.head.publishing or request.version.version), request.execution, now)

    found = transact(ports.registry, request.version.series, decide)
    if isinstance(found, LockHeldError):
        raise found
    return found


def is_outdated(entry: Entry, head: Head, table: ExportTable) -> bool:
    """Tell whether a later version succeeded before this one's turn came, which nobody asked to undo."""
    if head.succeeded is None or entry.replay or head.publishing == entry.version:
        return False
    return _before(entry.version, head.succeeded, table)


def _same_again(view: View, now: int) -> Decision[Found]:
    """Repeat the claim of an execution whose first answer got lost."""
    head = replace(view.head, lease_until=now + LEASE_SECONDS)
    return Decision(_as_claim(view.known(str(head.held)), head), head)


def _superseded(view: View, entry: Entry, now: int) -> Decision[Found]:
    ended = replace(entry, status=Status.SUPERSEDED, ended_at=timestamp(now), expires_at=expiry(now))
    head = replace(view.head, open=without(view.head.open, entry.version))
    return Decision(Status.SUPERSEDED, head, (ended,))


def without(open_versions: Mapping[str, int], *versions: str) -> dict[str, int]:
    """Return the open versions but those."""
    return {version: until for version, until in open_versions.items() if version not in versions}


def _who_goes_first(head: Head, request: Request, table: ExportTable, now: int) -> LockHeldError | None:
    """Return what this execution must wait for."""
    asked = request.version.version
    fields = {"series": head.series, "version": asked}
    if is_held(head, now):
        return LockHeldError(
            f"{head.series} {asked} waits: {head.owner} works on {head.held}, with a lease until "
            f"{timestamp(head.lease_until)}. If it waited too long, start it again once that execution has ended.",
            **fields,
        )
    for earlier in _waiting_before(head, asked, table, now):
        return LockHeldError(
            f"{head.series} {asked} waits: {earlier} comes before it, and waits until "
            f"{timestamp(head.open[earlier])} unless its execution asks again.",
            **fields,
        )
    return None


def _waiting_before(head: Head, asked: str, table: ExportTable, now: int) -> Iterator[str]:
    if head.publishing:  # whoever asks finishes that first; two older ones would wait for each other
        return iter(())
    waiting = (version for version, until in head.open.items() if now < until and version != asked)
    return (version for version in sorted(waiting) if _before(version, asked, table))


def _before(version: str, other: str, table: ExportTable) -> bool:
    return rank_of_earlier(version, table) < rank_of_earlier(other, table)


def _claim(view: View, entry: Entry, execution: str, now: int) -> Decision[Found]:
    head, fence = view.head, view.head.fence + 1
    claimed = replace(
        entry if _compares_the_same(entry, head) else _compared_anew(entry, head),
        status=Status.PROCESSING,
        execution=execution,
        fence=fence,
        started_at=timestamp(now),
        cause=None,
    )
    taken = replace(
        head,
        fence=fence,
        owner=execution,
        held=entry.version,
        order=max(head.order, claimed.order or 0),
        lease_until=now + LEASE_SECONDS,
    )
    return Decision(_as_claim(claimed, taken), taken, (claimed,))


def _compares_the_same(entry: Entry, head: Head) -> bool:
    """Tell whether an earlier attempt's order serves again: its changes may be in the store, or in the stream.

    Of a version that was published in part it always does, because no other is claimed before it ends.
    """
    return entry.order is not None and entry.order == head.order and entry.previous == head.succeeded


def _compared_anew(entry: Entry, head: Head) -> Entry:
    """Return the entry with an order of its own, of which the stream has nothing: its changes are other ones now."""
    return replace(entry, order=head.order + 1, previous=head.succeeded, published=None)


def _as_claim(entry: Entry, head: Head) -> Claim:
    return Claim(
        tenant=entry.tenant,
        table=entry.table,
        version=entry.version,
        order=entry.order or 0,
        fence=head.fence,
        previous=entry.previous,
        execution=str(head.owner),
    )
