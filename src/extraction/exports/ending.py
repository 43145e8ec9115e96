"""End a version: as succeeded, or as failed with its cause. Either lets the next one begin."""

from collections.abc import Mapping
from dataclasses import replace

from extraction.exports.claiming import without
from extraction.exports.ports import Ports, Request
from extraction.exports.register import timestamp
from extraction.exports.versions import declared, rank_of_earlier
from utils.export_table import ExportTable, ExportVersion
from utils.registry.claim import Claim, refuse_late
from utils.registry.records import ENDED, Entry, Status, expiry
from utils.registry.store import Decision, View, transact

MAX_CAUSE = 2_000  # characters kept of a failure; the execution and the log have all of them
MAX_SUPERSEDED = 80  # versions ended beside one that succeeds: DynamoDB writes 100 items together; the rest come next


def finish(claim: Claim, counts: Mapping[str, int], ports: Ports) -> None:
    """Make the version the last that succeeded, release the lock, and end the older versions that did not.

    Raises:
        LockLostError: another execution took the lock over; the version is that one's now.
    """
    table = declared(ports.tables, ExportVersion(claim.tenant, claim.table, claim.version))

    def decide(view: View) -> Decision[None]:
        entry = view.known(claim.version)
        if entry.status is Status.SUCCEEDED and entry.fence == claim.fence:
            return Decision(None)  # the answer to the first attempt got lost
        refuse_late(claim, view.head)
        done = replace(entry, status=Status.SUCCEEDED, counts=dict(counts), ended_at=timestamp(ports.now()), cause=None)
        others = (*_superseded(view, claim, table, ports.now()), *_passed(view, claim, ports.now()))
        open_versions = without(view.head.open, claim.version, *(other.version for other in others))
        head = replace(view.head.released(), succeeded=claim.version, publishing=None, open=open_versions)
        return Decision(None, head, (done, *others))

    transact(ports.registry, claim.series, decide)


def _superseded(view: View, claim: Claim, table: ExportTable, now: int) -> list[Entry]:
    """Return the older versions that failed or were given up, as ended by this one; those that wait end themselves."""
    place = rank_of_earlier(claim.version, table)
    given_up = [version for version, until in view.head.open.items() if until <= now and version != claim.version]
    older = [version for version in sorted(given_up) if rank_of_earlier(version, table) < place][:MAX_SUPERSEDED]
    found = (view.entry(version) for version in older)
    return [
        replace(entry, status=Status.SUPERSEDED, ended_at=timestamp(now), expires_at=expiry(now))
        for entry in found
        if entry and entry.status not in ENDED
    ]


def _passed(view: View, claim: Claim, now: int) -> list[Entry]:
    """Return the last success as one that nothing depends on any more."""
    last = view.head.succeeded
    entry = view.entry(last) if last not in (None, claim.version) else None
    return [replace(entry, expires_at=expiry(now))] if entry else []


def fail(request: Request, cause: str, ports: Ports) -> bool:
    """Release what this execution holds and mark as failed what is its own; tell whether anything was.

    A version that another execution has taken over, or that was refused, stays as it is.
    """

    def decide(view: View) -> Decision[bool]:
        mine = view.head.owner == request.execution
        versions = {request.version.version, *([str(view.head.held)] if mine else [])}
        found = (view.entry(version) for version in sorted(versions))
        failed = tuple(_failed(entry, cause, ports.now()) for entry in found if entry and _is_own(entry, request))
        head = view.head.released() if mine else view.head
        closed = {entry.version: 0 for entry in failed}
        if not mine and not failed:
            return Decision(False)
        return Decision(True, replace(head, open={**head.open, **closed}), failed)

    return transact(ports.registry, request.version.series, decide)


def _is_own(entry: Entry, request: Request) -> bool:
    return entry.execution == request.execution and entry.status not in ENDED


def _failed(entry: Entry, cause: str, now: int) -> Entry:
    return replace(entry, status=Status.FAILED, cause=cause[:MAX_CAUSE], ended_at=timestamp(now))
