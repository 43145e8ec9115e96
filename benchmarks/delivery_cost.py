"""What delivery costs a month on AWS, and a million records: `python -m benchmarks.delivery_cost`."""

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.cost import (
    ALARM,
    GB_SECOND,
    GET,
    HOURS,
    INVOCATION,
    LOGGED_GB,
    METRIC,
    POLLS,
    PUT,
    REGISTRY_READ,
    REGISTRY_WRITE,
    SECRET,
    SQS_REQUEST,
    STORED_GB,
    table_of,
)

# As remembered of AWS's pages in 2025, not looked up again.
REST_REQUEST = 3.50 / 1e6
ATHENA_TB = 5.00
POST_SECONDS, RECORD_SECONDS = 0.05, 0.0001  # of half a GB, to take a POST in; benchmarks.ingest
QUERY_SECONDS = 8.0  # of one GB, a run of few records, mostly waiting; and
QUEUE_SECONDS = 30.0  # a million records more
DELIVER_SECONDS = 0.004  # of half a GB, a record: its part of a POST, and two writes to the ledger
RAW_BYTES, NOTE_BYTES = 300, 80  # of a record in the lake, and of its note
LEAST_SCANNED = 10e6  # bytes that Athena counts at least
WINDOW_HOURS = 25.25  # overlap_seconds of the sensors, and what came since
QUEUE_RECORDS = 700  # in a message of 256 KB, which counts as four requests each time
FIXED = SECRET + 11 * ALARM + 4 * METRIC


@dataclass(frozen=True)
class Posts:
    """How many records come in a month, and how."""

    records: float
    a_post: float  # records of one hour
    runs_an_hour: float = 4


def monthly_delivery_costs(use: Posts) -> dict[str, float]:
    """Return the dollars of a month by what they are paid for."""
    posts, runs = use.records / use.a_post, HOURS * use.runs_an_hour
    window = use.records * WINDOW_HOURS / HOURS  # records that a run's query reads
    scanned = max(LEAST_SCANNED, window * (RAW_BYTES + NOTE_BYTES))
    seconds = 0.5 * (posts * POST_SECONDS + use.records * (RECORD_SECONDS + DELIVER_SECONDS))
    seconds += runs * QUERY_SECONDS + use.records / 1e6 * QUEUE_SECONDS
    messages = use.records / QUEUE_RECORDS
    return {
        "API Gateway": posts * REST_REQUEST,
        "Lambda": seconds * GB_SECOND["x86_64"] + (posts + runs + messages) * INVOCATION,
        "S3 requests": posts * PUT + runs * window / use.a_post * GET,
        "Athena": runs * scanned / 1e12 * ATHENA_TB,
        "ledger": use.records * (2 * REGISTRY_WRITE + 2 * REGISTRY_READ),
        "SQS, logs": (POLLS + 12 * messages) * SQS_REQUEST + (posts * 800 + runs * 2000) / 1e9 * LOGGED_GB,
        "S3, each month's records": use.records * (RAW_BYTES + NOTE_BYTES) / 1e9 * STORED_GB,
        "secret, alarms": FIXED,
    }


POSTED = {
    "nothing posted": Posts(0, 1),
    "1,000,000 records, one a POST": Posts(1e6, 1),
    "1,000,000 records, 100 a POST": Posts(1e6, 100),
    "30,000,000 records, one a POST": Posts(3e7, 1),
    "30,000,000 records, one a POST, queried hourly": Posts(3e7, 1, runs_an_hour=1),
    "30,000,000 records, 100 a POST": Posts(3e7, 100),
    "30,000,000 records, 1,000 a POST": Posts(3e7, 1000),
    "300,000,000 records, 1,000 a POST": Posts(3e8, 1000),
}


def delivery_table() -> Iterator[str]:
    """Yield the lines of a Markdown table of all examples of delivery."""
    yield from table_of({example: monthly_delivery_costs(use) for example, use in POSTED.items()})


def a_million(use: Posts) -> float:
    """Return the dollars of a million records, without what is paid when none comes."""
    idle = monthly_delivery_costs(Posts(0, 1, use.runs_an_hour))
    return (sum(monthly_delivery_costs(use).values()) - sum(idle.values())) * 1e6 / use.records


def million_table() -> Iterator[str]:
    """Yield the lines of a Markdown table of what a million records cost."""
    yield "| | USD a million records |"
    yield "|---|---|"
    for example, use in POSTED.items():
        if use.records:
            yield f"| {example} | {a_million(use):.2f} |"


if __name__ == "__main__":
    print("\n".join([*delivery_table(), "", *million_table()]))
