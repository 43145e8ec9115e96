"""A file's rows into its table: by COPY as they are where nothing has to be looked at, else in checked chunks."""

import contextlib
from collections.abc import Generator
from dataclasses import dataclass

from pg8000.exceptions import DatabaseError

from load.files import staging
from load.files.copying import Destination, copy_chunk, is_about_data
from load.files.intake import Intake
from load.files.pace import paced
from load.files.ports import DroppedFile, Ports
from load.files.tables import FILE_SETTING
from load.files.target import Target
from utils.errors import NotPlainError
from utils.file_table import FileTable
from utils.postgres.names import column_list, literal
from utils.postgres.session import Session
from utils.records import PlainCopy


@dataclass(frozen=True)
class Task:
    """One file on its way to its table."""

    dropped: DroppedFile
    table: FileTable
    intake: Intake
    ports: Ports

    def blocks(self) -> Generator[bytes]:
        """Read the file from its beginning."""
        return paced(self.ports.objects.read(self.dropped), self.dropped.bytes, self.ports.seconds_left)


def write_rows(session: Session, target: Target, task: Task) -> None:
    """Write the file's good rows, in the place of what its key brought before if the table wants that."""
    session.run("SET CONSTRAINTS ALL IMMEDIATE")  # a deferred one would speak at COMMIT, when no row can be named
    if target.needs_staging:
        _write_staged(session, target, task)
        return
    target.remove_earlier(session)
    if not _copy_plainly(session, target, task):
        _copy_checked(session, target.straight, task)


def _copy_plainly(session: Session, target: Target, task: Task) -> bool:
    """Let PostgreSQL read the file as it is; False, and nothing done, when somebody has to look at its records."""
    if target.table.file_column and not target.prepared.names_file:
        return False
    with contextlib.closing(task.blocks()) as blocks:
        plain = task.ports.records.plain_copy(target.table, task.dropped.key, blocks)
        if plain is None:
            return False
        count = _attempt(session, target, plain)
    if count is None:
        return False
    task.intake.read = task.intake.copied = count
    return True


def _attempt(session: Session, target: Target, plain: PlainCopy) -> int | None:
    session.run("SELECT set_config(:name, :file, true)", name=FILE_SETTING, file=target.file)
    session.run("SAVEPOINT plain")
    try:
        count = session.copy_in(_plain_statement(target, plain), plain.blocks)
    except (NotPlainError, DatabaseError) as error:
        if isinstance(error, DatabaseError) and not is_about_data(error):
            raise
        session.run("ROLLBACK TO SAVEPOINT plain")
        return None
    session.run("RELEASE SAVEPOINT plain")
    return count


def _plain_statement(target: Target, plain: PlainCopy) -> str:
    options = {"DELIMITER": plain.delimiter, "QUOTE": plain.quote, "NULL": plain.null, "ENCODING": plain.encoding}
    told = ", ".join(f"{name} {literal(value)}" for name, value in options.items())
    return f"COPY {target.sql} ({column_list(plain.columns)}) FROM STDIN (FORMAT csv, {told})"


def _copy_checked(session: Session, destination: Destination, task: Task) -> None:
    intake = task.intake
    with contextlib.closing(task.blocks()) as blocks:
        for chunk in task.ports.records.read_chunks(task.table, task.dropped.key, blocks):
            intake.read += len(chunk.rows) + len(chunk.rejected)
            intake.reject(chunk.rejected)
            refused = copy_chunk(session, destination, chunk if destination.table else staging.staged(chunk))
            intake.copied += len(chunk.rows) - len(refused)
            intake.reject(refused)


def _write_staged(session: Session, target: Target, task: Task) -> None:
    _copy_checked(session, staging.create(session, target), task)
    merged = staging.merge(session, target, task.intake.reject, task.ports.patience)
    task.intake.copied, task.intake.repeated = merged.copied, merged.repeated
