"""Two exports compared in Athena, where they rest; only what changed comes here.

Nothing is in memory between two attempts: the note `athena.json` names the queries under way, and whoever holds the
lock takes them up. It is written before the first of what it names exists, so that whatever a crash leaves is found
and removed by the next attempt. Every run of queries has tables and a folder of its own, so that a late owner's run
and its successor's never meet. What Athena wrote may expire, so a run of more than a day ago is not taken up.
"""

import contextlib
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import duckdb

from transformation.delta.compare import AFTER, BEFORE, CHANGES, SIDES, Comparison, check_keys, shape_of, summed_up
from transformation.delta.footer import read_side
from transformation.delta.plan import Plan
from transformation.delta.ports import Athena, Ports
from transformation.delta.publish import refuse_late
from transformation.delta.registered import registered_files
from transformation.delta.task import Task
from utils.deadline import Deadline, Stopwatch
from utils.errors import (
    ConfigurationError,
    ExportRefusedError,
    IntegrityError,
    LockLostError,
    ObjectMissingError,
    PipelineError,
    QueryError,
    RetryableError,
    ServiceUnavailableError,
)
from utils.postgres.names import literal

USABLE_SECONDS = 24 * 3600  # as long as an execution may last; what Athena writes expires days later
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0  # seconds between two questions; Athena counts them too


@dataclass(frozen=True)
class Run:
    """Queries under way, and what their tables and folder are named by; no query means that it never got so far."""

    identity: Mapping[str, str | None]
    name: str
    begun: int = 0
    queries: Mapping[str, str] = field(default_factory=dict)

    @property
    def tables(self) -> dict[str, str]:
        """The catalogue's tables by side."""
        return {side: f"{side}_{self.name}" for side in SIDES}


def compare_remotely(
    task: Task, ports: Ports, scratch: Path, connection: duckdb.DuckDBPyConnection, deadline: Deadline
) -> Comparison | None:
    """Compare two exports in Athena, or return None if its answer takes longer than this attempt may."""
    athena, plan = athena_of(task, ports), _plan(task, ports, scratch, connection)
    run = _taken_up(task, ports, athena) or _begin(plan, ports, athena)
    try:
        if not _finished(run, ports, athena, deadline):
            return None
        _check(run, plan, athena)
        _refuse_overwritten(plan, ports)
        comparison = _gather(run, plan, ports, scratch, connection)
    except LockLostError:
        _clear(run, athena)  # and not the note, which may be the successor's by now
        raise
    except (PipelineError, duckdb.Error):
        with contextlib.suppress(RetryableError):  # the first error is the one to tell
            _clear(run, athena)
        ports.compared.delete(_note(task))  # the next attempt begins with new queries
        raise
    _drop_tables(run, athena)
    return comparison


def athena_of(task: Task, ports: Ports) -> Athena:
    """Return Athena, or raise ConfigurationError that says what it lacks."""
    table = ports.tables[task.version.table]
    if ports.athena is None:
        raise ConfigurationError(
            f'exports/{table.name}.toml: engine = "athena" needs ATHENA_DATABASE and ATHENA_WORKGROUP. Set them on the '
            'function, or set engine = "duckdb".'
        )
    return ports.athena


def _plan(task: Task, ports: Ports, scratch: Path, connection: duckdb.DuckDBPyConnection) -> Plan:
    table = ports.tables[task.version.table]
    versions = {BEFORE: task.previous, AFTER: task.version.version}
    sides = {}
    for name, asked in versions.items():
        if asked is not None:
            version = replace(task.version, version=asked)
            found = registered_files(version, table, ports.exports, ports.known_content(version))
            sides[name] = read_side(found, ports.exports, scratch, connection)
    earlier = sides.get(BEFORE, sides[AFTER]).columns
    return Plan(task, table, sides, shape_of(table, sides[AFTER].columns, earlier))


def _note(task: Task) -> str:
    return f"{task.folder}/athena.json"


def _folder(task: Task, run: Run) -> str:
    return f"{task.folder}/athena/{run.name}"


def _taken_up(task: Task, ports: Ports, athena: Athena) -> Run | None:
    """Return the run that an earlier attempt began; what began and never got to its queries is cleared away."""
    try:
        run = Run(**json.loads(ports.compared.read(_note(task))))
    except ObjectMissingError:
        return None
    is_usable = ports.clock() - run.begun < USABLE_SECONDS
    if run.queries and run.identity == task.identity and is_usable:
        return run
    _clear(run, athena)
    return None


def _begin(plan: Plan, ports: Ports, athena: Athena) -> Run:
    """Create the tables and start all queries; side by side they take as long as the longest."""
    task, store = plan.task, ports.compared
    run = Run(task.identity, uuid.uuid4().hex, int(ports.clock()))
    refuse_late(ports.lease)
    store.put(_note(task), json.dumps(asdict(run)).encode())
    tables = {}
    for name, side in plan.sides.items():
        kinds = {column.lower(): kind for column, kind in side.kinds.items()}
        athena.create_table(run.tables[name], kinds, f"{ports.exports.url}/{side.version.prefix}")
        tables[name] = athena.relation(run.tables[name])
    asked = plan.queries(tables, f"{store.url}/{_folder(task, run)}/")
    run = replace(run, queries={name: athena.start(sql) for name, sql in asked.items()})
    store.put(_note(task), json.dumps(asdict(run)).encode())
    return run


def _finished(run: Run, ports: Ports, athena: Athena, deadline: Deadline) -> bool:
    """Wait until every query succeeded; False when time runs short for that and for what comes then."""
    waiting, pause, stopwatch = dict(run.queries), FIRST_PAUSE, Stopwatch()
    while True:
        refuse_late(ports.lease)
        waiting = {name: id_ for name, id_ in waiting.items() if not _succeeded(name, id_, athena)}
        if not waiting:
            return deadline(stopwatch.lap())  # the next attempt finds them done, and has all its time
        if not deadline(pause):
            return False
        ports.pause(pause)
        pause = min(LONGEST_PAUSE, 1.5 * pause)


def _succeeded(name: str, asked: str, athena: Athena) -> bool:
    progress = athena.progress(asked)
    if not progress.failure:
        return progress.done
    message = (
        f"Athena's query {asked} ({name.removesuffix(BEFORE).removesuffix(AFTER).strip()}) failed: {progress.failure}"
    )
    if progress.passing:
        raise ServiceUnavailableError(message, query=asked)
    raise QueryError(
        f"{message}. If it read more than the workgroup allows, raise its limit; then start the version again.",
        query=asked,
    )


def _check(run: Run, plan: Plan, athena: Athena) -> None:
    """Raise the error of what an export must not hold."""
    for name in plan.sides:
        missing, twice = (athena.rows(run.queries[f"{check} {name}"]) for check in ("missing", "twice"))
        check_keys(missing, twice, SIDES[name], plan.table)
        beyond = run.queries.get(f"dates {name}")
        if found := athena.rows(beyond) if beyond else ():
            keys = "; ".join(str(key[0]) for key in found)
            raise ExportRefusedError(
                f"In {SIDES[name]} of {plan.table.name} rows have dates outside the years 1 to 9999, which Athena does "
                f'not write as PostgreSQL reads them: {keys}. Export texts instead, or set engine = "duckdb".',
                table=plan.table.name,
            )


def _refuse_overwritten(plan: Plan, ports: Ports) -> None:
    """Raise ExportChangedError unless what Athena read is still what was there before."""
    for side in plan.sides.values():
        registered_files(side.version, plan.table, ports.exports, ports.known_content(side.version), side.content)


def _gather(run: Run, plan: Plan, ports: Ports, scratch: Path, connection: duckdb.DuckDBPyConnection) -> Comparison:
    """Bring the changes here, and prove that they lead from the rows of one export to those of the other."""
    places = [f"{side}{place}" for side in "ba" for place in plan.shape.places]
    names = ", ".join(("op", *places))
    connection.execute(f"CREATE TABLE {CHANGES} ({names.replace(',', ' VARCHAR,')} VARCHAR)")
    for item in ports.compared.list(f"{_folder(plan.task, run)}/"):
        path = ports.compared.fetch(item.key, scratch)
        connection.execute(f"INSERT INTO {CHANGES} SELECT {names} FROM read_parquet({literal(str(path))})")
        if path.is_relative_to(scratch):
            path.unlink()
    rows = [plan.sides[name].rows if name in plan.sides else 0 for name in SIDES]
    earlier = plan.sides.get(BEFORE, plan.sides[AFTER]).columns
    comparison = summed_up(rows, plan.columns, earlier, plan.shape, connection)
    counts = comparison.counts
    if counts.before + counts.inserted - counts.deleted != counts.after:
        raise IntegrityError(
            f"Athena's changes of {plan.table.name} do not lead from {counts.before:,} rows to {counts.after:,}: "
            f"{counts.inserted:,} inserted, {counts.deleted:,} deleted. Start the version again.",
            table=plan.table.name,
        )
    return comparison


def _clear(run: Run, athena: Athena) -> None:
    """End what still runs and drop the tables."""
    for asked in run.queries.values():
        athena.stop(asked)
    _drop_tables(run, athena)


def _drop_tables(run: Run, athena: Athena) -> None:
    for table in run.tables.values():
        athena.drop_table(table)


def forget(task: Task, ports: Ports) -> None:
    """Remove what the stored changes were made of."""
    keys: Sequence[str] = [item.key for item in ports.compared.list(f"{task.folder}/athena/")]
    for key in (*keys, _note(task)):
        with contextlib.suppress(ServiceUnavailableError):
            ports.compared.delete(key)
