"""The ledger of dropped files: what became of each content of each key, in the transaction that wrote its rows."""

from dataclasses import dataclass
from enum import StrEnum

from load.files.ports import DroppedFile
from utils.postgres.session import Session

SCHEMA, TABLE = "starlift", "processed_files"
CREATE = """
CREATE TABLE starlift.processed_files (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    bucket text NOT NULL,
    key text NOT NULL,
    version text NOT NULL,
    processed_at timestamptz NOT NULL,
    processing_time interval NOT NULL,
    rows_copied bigint NOT NULL,
    rows_rejected bigint NOT NULL,
    file_size_bytes bigint NOT NULL,
    target_table text NOT NULL,
    etag text NOT NULL,
    sequencer text NOT NULL,
    rows_read bigint NOT NULL,
    rows_repeated bigint NOT NULL,
    outcome text NOT NULL,
    reason text,
    quarantine text
)
"""
INDEX = "CREATE INDEX ON starlift.processed_files (key, bucket)"
LAST = """
SELECT id, version, etag, sequencer FROM starlift.processed_files
WHERE bucket = :bucket AND key = :key AND outcome = 'loaded' ORDER BY id DESC LIMIT 1
"""
EARLIER = """
SELECT sequencer FROM starlift.processed_files
WHERE bucket = :bucket AND key = :key AND version = :version AND outcome = 'loaded'
"""
FORGET = """
DELETE FROM starlift.processed_files
WHERE bucket = :bucket AND key = :key AND version = :version AND outcome <> 'loaded'
"""
INSERT = """
INSERT INTO starlift.processed_files (
    bucket, key, version, processed_at, processing_time, rows_copied, rows_rejected, file_size_bytes, target_table,
    etag, sequencer, rows_read, rows_repeated, outcome, reason, quarantine
) VALUES (
    :bucket, :key, :version, clock_timestamp(), make_interval(secs => CAST(:seconds AS double precision)), :copied,
    :rejected, :bytes, :target, :etag, :sequencer, :read, :repeated, :outcome, :reason, :quarantine
)
"""
# Held to the transaction's end: of two workers with one file the second finds the first one's row.
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('starlift file ' || :name, 0))"
SETUP = "SELECT pg_advisory_xact_lock(hashtextextended('starlift files', 0))"


class Outcome(StrEnum):
    """What became of a file."""

    LOADED = "loaded"
    REFUSED = "refused"  # as a whole; the same file may come again
    SUPERSEDED = "superseded"  # newer content of the key was loaded before, or has taken its place
    IGNORED = "ignored"  # new content under a key that keeps its first
    KNOWN = "known"  # loaded before; the ledger has its row already


@dataclass(frozen=True)
class Loaded:
    """The newest content of a key that was loaded."""

    id: int
    version: str
    etag: str
    sequencer: str

    def is_content_of(self, dropped: DroppedFile) -> bool:
        """Tell whether a file is this content, be it under another version."""
        return dropped.content == self.version or dropped.etag == self.etag


@dataclass(frozen=True)
class Report:
    """What loading one file came to."""

    outcome: Outcome
    target: str = ""
    read: int = 0
    copied: int = 0
    rejected: int = 0
    repeated: int = 0  # left out, since a later row of the file has their key
    reason: str | None = None
    quarantine: str | None = None  # where the rejected rows are
    seconds: float = 0.0


def create(session: Session) -> None:
    """Create the ledger if it is missing, and only that: a role without CREATE can load into a prepared database."""
    if session.value("SELECT to_regclass('starlift.processed_files') IS NOT NULL"):
        return
    session.run(SETUP)  # two first workers would both create it
    if not session.value("SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'starlift')"):
        session.run(f"CREATE SCHEMA {SCHEMA}")
    if not session.value("SELECT to_regclass('starlift.processed_files') IS NOT NULL"):
        session.run(CREATE)
        session.run(INDEX)


def lock(session: Session, dropped: DroppedFile) -> None:
    """Wait until no other worker is at this key, no longer than lock_timeout."""
    session.run(LOCK, name=dropped.name)


def read_last(session: Session, dropped: DroppedFile) -> Loaded | None:
    """Return the newest content of the file's key that was loaded."""
    found = session.rows(LAST, bucket=dropped.bucket, key=dropped.key)
    return Loaded(**found[0]) if found else None


def was_loaded(session: Session, dropped: DroppedFile) -> bool:
    """Tell whether this event, or a later one, has brought this content, be it that others came after it."""
    found = session.rows(EARLIER, bucket=dropped.bucket, key=dropped.key, version=dropped.content)
    return any(not is_older(row["sequencer"], dropped.sequencer) for row in found)


def move_on(session: Session, last: Loaded, dropped: DroppedFile) -> None:
    """Remember that the same content came again later: what came in between is older than it."""
    sequencer = dropped.sequencer
    if last.is_content_of(dropped) and (not last.sequencer or is_older(last.sequencer, sequencer)):
        session.run(
            "UPDATE starlift.processed_files SET sequencer = :sequencer WHERE id = :id",
            sequencer=sequencer,
            id=last.id,
        )


def write(session: Session, dropped: DroppedFile, report: Report, sequencer: str) -> None:
    """Record what became of the file, in the place of what an earlier attempt recorded."""
    session.run(FORGET, bucket=dropped.bucket, key=dropped.key, version=dropped.content)
    session.run(
        INSERT,
        bucket=dropped.bucket,
        key=dropped.key,
        version=dropped.content,
        seconds=report.seconds,
        copied=report.copied,
        rejected=report.rejected,
        bytes=dropped.bytes,
        target=report.target,
        etag=dropped.etag,
        sequencer=sequencer,
        read=report.read,
        repeated=report.repeated,
        outcome=str(report.outcome),
        reason=report.reason,
        quarantine=report.quarantine,
    )


def is_older(sequencer: str, than: str) -> bool:
    """Tell whether an event came before another of the same key.

    S3's sequencers are hexadecimal digits of differing lengths, compared as texts after the shorter one is
    filled up with zeros on its right. Where one is unknown, nothing can be told.
    """
    if not sequencer or not than:
        return False
    width = max(len(sequencer), len(than))
    return sequencer.upper().ljust(width, "0") < than.upper().ljust(width, "0")
