"""What a deployment costs a month on AWS: `python -m benchmarks.cost` prints the tables of docs/operations.md.

Prices are list prices in US dollars for US East (N. Virginia); free tiers are left out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

# From AWS's pricing pages of each service, looked up on 2026-11-21.
GB_SECOND = {"x86_64": 0.0000166667, "arm64": 0.0000133334}
SCRATCH_GB_SECOND = 0.0000000309  # beyond 0.5 GB
INVOCATION = 0.20 / 1e6
SQS_REQUEST = 0.40 / 1e6
TRANSITION = 0.025 / 1e3  # Step Functions, standard workflows
PUT, GET = 0.005 / 1e3, 0.0004 / 1e3
STORED_GB = 0.023
SECRET, SECRET_CALL = 0.40, 0.05 / 1e4
ALARM, METRIC, DASHBOARD = 0.10, 0.30, 3.00
LOGGED_GB = 0.50

HOURS = 730
TRANSITIONS = 7  # of a run in which no stage asks for more time
QUIET_GETS, TABLE_GETS, TABLE_PUTS = (
    10,
    3,
    2,
)  # a run looks for the newest manifests; each table is landed and made Parquet
FIXED = 2 * SECRET + 10 * ALARM + 5 * METRIC + DASHBOARD
ROW_BYTES = 150  # of CSV and Parquet together
LOG_BYTES = 20_000


@dataclass(frozen=True)
class Stage:
    """A function's limits and the time it takes."""

    memory_gb: float
    scratch_gb: float
    quiet_seconds: float  # with start and imports, as Lambda bills them
    seconds_a_million_rows: float


STAGES = (Stage(0.5, 0.5, 6.0, 25.0), Stage(1.73, 4.0, 2.0, 20.0), Stage(1.0, 4.0, 2.5, 45.0))


@dataclass(frozen=True)
class Use:
    """How often a deployment runs and what changes meanwhile."""

    runs_an_hour: float
    changed_rows: float  # a run, with those that they join to
    tables: int = 11  # that change in a run; none when no row does
    architecture: str = "x86_64"

    @property
    def runs(self) -> float:
        """Return the runs of a month."""
        return HOURS * self.runs_an_hour


def monthly_costs(use: Use) -> dict[str, float]:
    """Return the dollars of a month by what they are paid for."""
    seconds = [stage.quiet_seconds + stage.seconds_a_million_rows * use.changed_rows / 1e6 for stage in STAGES]
    compute = sum(stage.memory_gb * each for stage, each in zip(STAGES, seconds, strict=True))
    scratch = sum((stage.scratch_gb - 0.5) * each for stage, each in zip(STAGES, seconds, strict=True))
    tables = use.tables if use.changed_rows else 0
    a_run = {
        "Lambda": compute * GB_SECOND[use.architecture] + scratch * SCRATCH_GB_SECOND + len(STAGES) * INVOCATION,
        "Step Functions": TRANSITIONS * TRANSITION,
        "S3 requests": tables * TABLE_PUTS * PUT + (QUIET_GETS + tables * TABLE_GETS) * GET + 2 * bool(tables) * PUT,
        "secrets and logs": 2 * SECRET_CALL + LOG_BYTES / 1e9 * LOGGED_GB,
    }
    stored = use.runs * use.changed_rows * ROW_BYTES / 1e9
    return {
        **{name: dollars * use.runs for name, dollars in a_run.items()},
        "S3, each month's batches": stored * STORED_GB,
        "secrets, alarms, dashboard": FIXED,
    }


PROCESSOR_GB = 1.769  # the memory with which a function has one whole processor
FILE_SECONDS = 0.5  # of a processor, for a file of no rows: connect, look at the ledger, commit
GB_SECONDS = {"without rules": 14.0, "with rules": 55.0}  # of a processor, a GB of CSV; benchmarks.files_load
POLLS = 5 * 3 * 60 * HOURS  # Lambda asks an idle queue by five connections, 20 seconds each
DROP_FIXED = SECRET + 4 * ALARM + METRIC


@dataclass(frozen=True)
class Drop:
    """How many files are dropped in a month, and what they are like."""

    files: float
    mb_each: float
    rules: str = "with rules"
    architecture: str = "x86_64"


def monthly_drop_costs(drop: Drop) -> dict[str, float]:
    """Return the dollars of a month by what they are paid for.

    A function of less memory has as much less of a processor and takes as much longer, so its memory cancels out.
    """
    gigabytes = drop.files * drop.mb_each / 1e3
    seconds = FILE_SECONDS * drop.files + GB_SECONDS[drop.rules] * gigabytes
    return {
        "Lambda": seconds * PROCESSOR_GB * GB_SECOND[drop.architecture] + drop.files * INVOCATION,
        "SQS": (POLLS + 2 * drop.files) * SQS_REQUEST,
        "S3 requests": drop.files * (PUT + GET),
        "secrets and logs": drop.files * (SECRET_CALL + 2_000 / 1e9 * LOGGED_GB),
        "S3, each month's files": gigabytes * STORED_GB,
        "secret, alarms": DROP_FIXED,
    }


STREAM_HOUR, STREAM_GB_IN, STREAM_GB_OUT, STREAM_GB_KEPT = 0.04, 0.08, 0.04, 0.10  # on-demand, kept for a week
SHARD_HOUR, SHARD_HOUR_KEPT, PUT_UNIT = 0.015, 0.020, 0.014 / 1e6  # provisioned, kept for a week
REGISTRY_WRITE, REGISTRY_READ = 0.625 / 1e6, 0.125 / 1e6
EXPORT_TRANSITIONS, EXPORT_STEPS = 7, 5
STEP_SECONDS = 2.0  # of half a GB, for each step of an execution but the comparison
COMPARE_SECONDS, COMPARE_GB, COMPARE_SCRATCH_GB = 10.0, 1.73, 10.0  # a million rows of the new export, with the old one
APPLY_SECONDS, APPLY_GB = 1_000.0, 0.5  # a million changes
CHANGE_KB = 1  # on-demand counts each record as whole KB
EXPORT_FIXED = SECRET + 16 * ALARM + 8 * METRIC


@dataclass(frozen=True)
class Exports:
    """How many exports arrive in a month, and what they are like; no shards is on-demand."""

    versions: float
    rows: float  # of each
    changes: float  # of each
    shards: int = 0


def monthly_export_costs(use: Exports) -> dict[str, float]:
    """Return the dollars of a month by what they are paid for."""
    seconds, changes = COMPARE_SECONDS * use.rows / 1e6, use.versions * use.changes
    compare = seconds * (COMPARE_GB * GB_SECOND["x86_64"] + (COMPARE_SCRATCH_GB - 0.5) * SCRATCH_GB_SECOND)
    steps = EXPORT_STEPS * (STEP_SECONDS * 0.5 * GB_SECOND["x86_64"] + INVOCATION)
    apply = changes / 1e6 * APPLY_SECONDS * APPLY_GB * GB_SECOND["x86_64"]
    gigabytes = use.versions * (use.rows * ROW_BYTES / 2 + use.changes * 2 * ROW_BYTES) / 1e9
    return {
        "Lambda": use.versions * (compare + steps) + apply,
        "Step Functions": use.versions * EXPORT_TRANSITIONS * TRANSITION,
        "stream": _stream(use, changes),
        "registry": use.versions * 20 * (2 * REGISTRY_WRITE + REGISTRY_READ),
        "SQS, S3 requests": POLLS * SQS_REQUEST + use.versions * (6 * PUT + 20 * GET),
        "S3, each month's exports and changes": gigabytes * STORED_GB,
        "secret, alarms": EXPORT_FIXED,
    }


def _stream(use: Exports, changes: float) -> float:
    if use.shards:
        return use.shards * HOURS * (SHARD_HOUR + SHARD_HOUR_KEPT) + changes * PUT_UNIT
    gigabytes = changes * CHANGE_KB / 1e6
    return HOURS * STREAM_HOUR + gigabytes * (STREAM_GB_IN + STREAM_GB_OUT + STREAM_GB_KEPT * 6 / 30)


EXPORTED = {
    "no export": Exports(0, 0, 0),
    "no export, 1 shard": Exports(0, 0, 0, shards=1),
    "30 exports of 1,000,000 rows, 1 % changed": Exports(30, 1e6, 1e4),
    "30 exports of 1,000,000 rows, 1 % changed, 1 shard": Exports(30, 1e6, 1e4, shards=1),
    "300 exports of 1,000,000 rows, all changed": Exports(300, 1e6, 1e6),
    "30 exports of 10,000,000 rows, 1 % changed": Exports(30, 1e7, 1e5),
}
DROPS = {
    "nothing dropped": Drop(0, 0),
    "10,000 files of 1 MB": Drop(10_000, 1),
    "10,000 files of 1 MB, without rules": Drop(10_000, 1, "without rules"),
    "1,000,000 files of 0.1 MB": Drop(1_000_000, 0.1),
    "1,000 files of 1 GB": Drop(1_000, 1_000),
    "1,000 files of 1 GB, arm64": Drop(1_000, 1_000, architecture="arm64"),
}
EXAMPLES = {
    "nothing changes, every 15 minutes": Use(4, 0),
    "totesys: 100 rows a run, every 15 minutes": Use(4, 100),
    "100,000 rows a run, every 15 minutes": Use(4, 100_000),
    "100,000 rows a run, every 15 minutes, arm64": Use(4, 100_000, architecture="arm64"),
    "1,000,000 rows a run, hourly": Use(1, 1_000_000),
    "10,000,000 rows a run, daily": Use(1 / 24, 10_000_000),
}


def table() -> Iterator[str]:
    """Yield the lines of a Markdown table of all examples of the warehouse."""
    yield from table_of({example: monthly_costs(use) for example, use in EXAMPLES.items()})


def drop_table() -> Iterator[str]:
    """Yield the lines of a Markdown table of all examples of the file drop."""
    yield from table_of({example: monthly_drop_costs(drop) for example, drop in DROPS.items()})


def export_table() -> Iterator[str]:
    """Yield the lines of a Markdown table of all examples of full exports."""
    yield from table_of({example: monthly_export_costs(use) for example, use in EXPORTED.items()})


def table_of(examples: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    """Yield the lines of a Markdown table of examples and their costs."""
    names = list(next(iter(examples.values())))
    yield f"| USD a month | {' | '.join(names)} | total |"
    yield "|---" * (len(names) + 2) + "|"
    for example, costs in examples.items():
        yield f"| {example} | {' | '.join(f'{costs[name]:.2f}' for name in names)} | **{sum(costs.values()):.2f}** |"


if __name__ == "__main__":
    print("\n".join([*table(), "", *drop_table(), "", *export_table()]))
