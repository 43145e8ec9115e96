"""Load one dropped file: its good rows into its table, its bad ones into quarantine, its ledger row, one commit."""

import contextlib
import logging
from collections.abc import Iterator

from load.files import ledger
from load.files.decision import Plan, decide
from load.files.intake import Intake
from load.files.ledger import Outcome, Report
from load.files.ports import DroppedFile, Ports
from load.files.quarantine import QuarantineWriter, quarantine_key
from load.files.routing import find_table
from load.files.tables import prepare
from load.files.target import Target
from load.files.writing import Task, write_rows
from utils.deadline import Stopwatch
from utils.errors import FileRefusedError, ObjectChangedError
from utils.file_table import FileTable
from utils.postgres.session import Session, transaction

logger = logging.getLogger(__name__)


def load_file(dropped: DroppedFile, ports: Ports) -> Report:
    """Load a file unless its content is loaded already, and return what became of it.

    Its rows, the ledger's row and the removal of what the key brought before are one transaction; what was
    rejected is in quarantine before it commits, under a name that a repeat writes again.

    Raises:
        FileRefusedError: the file is not loaded; the ledger has the reason.
    """
    watch = Stopwatch()
    with ports.connect() as session:
        table = _find_and_prepare(session, dropped, ports)
    with _task(dropped, table, ports) as task:
        try:
            with ports.connect() as session, transaction(session, ports.lock_seconds):
                report = _load(session, task, watch)
        except FileRefusedError as error:
            task.intake.quarantine.close()
            _record(task, _report(task, Plan(Outcome.REFUSED, table.mode, str(error)), watch))
            raise
        except ObjectChangedError as error:
            task.intake.quarantine.abandon()
            report = Report(Outcome.SUPERSEDED, table.name.sql, reason=str(error))
            _record(task, report)
    _tell(dropped, report)
    return report


def _find_and_prepare(session: Session, dropped: DroppedFile, ports: Ports) -> FileTable:
    """Find the table and create what is missing, in a short transaction: others need not wait for the rows."""
    with transaction(session, ports.lock_seconds):
        ledger.create(session)
        table = find_table(session, ports.project, dropped.key)
        prepare(session, table)
    return table


@contextlib.contextmanager
def _task(dropped: DroppedFile, table: FileTable, ports: Ports) -> Iterator[Task]:
    """Keep nothing of a quarantine object that was begun when the block fails."""
    quarantine = QuarantineWriter(ports.quarantine, quarantine_key(table, dropped))
    try:
        yield Task(dropped, table, Intake(quarantine, table.limits), ports)
    except BaseException:
        quarantine.abandon()
        raise


def _load(session: Session, task: Task, watch: Stopwatch) -> Report:
    """Take the key's lock, look at the ledger, write the rows and then the ledger's own."""
    dropped, table = task.dropped, task.table
    ledger.lock(session, dropped)
    last = ledger.read_last(session, dropped)
    plan = decide(dropped, last, table, ledger.was_loaded(session, dropped))
    if last and plan.outcome is Outcome.KNOWN:
        ledger.move_on(session, last, dropped)
        return Report(Outcome.KNOWN, table.name.sql)
    if plan.outcome is Outcome.LOADED:
        write_rows(session, Target(prepare(session, table), dropped.name, plan.mode), task)
        task.intake.close()
    report = _report(task, plan, watch)
    ledger.write(session, dropped, report, dropped.sequencer or (last.sequencer if last else ""))
    return report


def _report(task: Task, plan: Plan, watch: Stopwatch) -> Report:
    intake = task.intake
    return Report(
        plan.outcome,
        task.table.name.sql,
        read=intake.read,
        copied=intake.copied if plan.outcome is Outcome.LOADED else 0,
        rejected=intake.rejected,
        repeated=intake.repeated,
        reason=plan.reason,
        quarantine=intake.quarantine.url,
        seconds=watch.lap(),
    )


def _record(task: Task, report: Report) -> None:
    """Write the ledger's row of a file of which nothing is loaded, in a transaction of its own."""
    with task.ports.connect() as session, transaction(session, task.ports.lock_seconds):
        ledger.lock(session, task.dropped)
        ledger.write(session, task.dropped, report, task.dropped.sequencer)


def _tell(dropped: DroppedFile, report: Report) -> None:
    fields = {"table": report.target, "key": dropped.key, "outcome": str(report.outcome)}
    counts = {"row_count": report.copied, "rejected": report.rejected, "repeated": report.repeated}
    duration = {"duration_ms": round(1000 * report.seconds)}
    if report.rejected:
        logger.warning("rows rejected", extra={**fields, **counts, "quarantine": report.quarantine})
    message = "file loaded" if report.outcome is Outcome.LOADED else "file not needed"
    logger.info(message, extra={**fields, **counts, **duration})
