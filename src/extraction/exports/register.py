"""Enter a version into the registry, or say why it is not to be processed."""

from dataclasses import replace
from datetime import UTC, datetime

from extraction.exports.ports import Ports, Request
from extraction.exports.versions import declared, rank, rank_of_earlier
from utils.errors import ExportChangedError, ExportOutdatedError
from utils.export_files import ExportFiles, list_files
from utils.export_table import ExportTable
from utils.registry.records import ENDED, Entry, Head, Status
from utils.registry.store import Decision, View, transact

TICKET_SECONDS = 900  # how long a version keeps its turn without asking; far longer than the pauses between asking


def register(request: Request, ports: Ports) -> Status:
    """Return the version's status: registered if it is to be processed, else how it ended before.

    Nothing is written for a version that is refused.
    """
    table = declared(ports.tables, request.version)
    rank(request.version.version, table)  # refuses a name that has no place among the others
    files = list_files(ports.exports, table, request.version)

    def decide(view: View) -> Decision[Status]:
        found = view.entry(request.version.version)
        if found:
            _refuse_changed(found, files)
        if found and found.status in ENDED and not _is_asked_again(found, request):
            return Decision(found.status)
        if not (request.replay or (found and found.replay)):
            _refuse_outdated(view.head, request, table)
        entry = _again(found, request) if found else _new(files, request, ports.now())
        return Decision(Status.REGISTERED, with_ticket(view.head, entry.version, ports.now()), (entry,))

    return transact(ports.registry, request.version.series, decide)


def with_ticket(head: Head, version: str, now: int) -> Head:
    """Return the head with a version's turn kept for a while."""
    return replace(head, open={**head.open, version: now + TICKET_SECONDS})


def timestamp(now: int) -> str:
    """Return a moment as the registry shows it."""
    return datetime.fromtimestamp(now, UTC).isoformat()


def _refuse_changed(found: Entry, files: ExportFiles) -> None:
    if found.content != files.content:
        raise ExportChangedError(
            f"{found.series} {found.version} came again with other content: it was {found.files} file(s) of "
            f"{found.bytes} bytes, and is {len(files.files)} of {files.bytes}. The registry keeps what was first; "
            "put the new content under a new version, or restore the first files.",
            tenant=found.tenant,
            table=found.table,
            version=found.version,
            status=found.status.value,
        )


def _is_asked_again(found: Entry, request: Request) -> bool:
    """Tell a replay from the same execution's second attempt at the state that asks for it."""
    return request.replay and found.execution != request.execution


def _refuse_outdated(head: Head, request: Request, table: ExportTable) -> None:
    version = request.version.version
    if head.succeeded is not None and rank(version, table) < rank_of_earlier(head.succeeded, table):
        raise ExportOutdatedError(
            f"{head.series} {version} is older than {head.succeeded}, which has succeeded. Nothing is lost: the later "
            'export holds every row. Start it with {"replay": true}, or run it with --replay, to bring the '
            "target back to it.",
            tenant=request.version.tenant,
            table=request.version.table,
            version=version,
        )


def _new(files: ExportFiles, request: Request, now: int) -> Entry:
    return Entry(
        tenant=files.version.tenant,
        table=files.version.table,
        version=files.version.version,
        status=Status.REGISTERED,
        content=files.content,
        key=files.key,
        files=len(files.files),
        bytes=files.bytes,
        execution=request.execution,
        registered_at=timestamp(now),
        etag=files.files[0].etag if len(files.files) == 1 else None,
        replay=request.replay,
    )


def _again(found: Entry, request: Request) -> Entry:
    """Return the entry of a version that is known; one at work stays as its owner made it."""
    if found.status is Status.PROCESSING or found.execution == request.execution:
        return found
    again = replace(found, status=Status.REGISTERED, execution=request.execution, attempts=found.attempts + 1)
    if found.status in ENDED:  # a replay starts from nothing
        again = replace(again, published=None, order=None, previous=None, counts={}, ended_at=None, expires_at=None)
    return replace(again, replay=found.replay or request.replay, cause=None)
