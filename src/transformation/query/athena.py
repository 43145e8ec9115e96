"""Athena through awswrangler: ask, wait with backoff until a deadline, and hand the answer on page by page."""

import logging
import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import awswrangler as wr
import boto3
from botocore.config import Config

from transformation.query.aws_errors import named_errors
from transformation.query.bound import Bound
from transformation.query.rows import Record, read_columns, read_rows
from utils.deadline import RESERVE, Seconds, no_limit
from utils.errors import PipelineError, QueryError, ServiceUnavailableError

PAGE_ROWS = 1000  # the most that GetQueryResults gives
FIRST_PAUSE = 0.25  # seconds; the shortest queries take about a second
MAX_PAUSE = 5.0
FINAL = {"SUCCEEDED", "FAILED", "CANCELLED"}

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Place:
    """Where Athena asks, by whose limits, and where it puts its answers."""

    catalogue: str
    database: str
    workgroup: str
    results: str  # s3://bucket/prefix/; a workgroup that enforces its own settings has the last word


def _client() -> Any:
    return boto3.client("athena", config=Config(retries={"mode": "standard", "max_attempts": 5}))


@dataclass(frozen=True)
class Athena:
    """Answers statements over the lake."""

    place: Place
    names: Mapping[str, str]  # as the project spells them, by lower case
    seconds_left: Seconds = no_limit
    pause: Callable[[float], None] = time.sleep
    uniform: Callable[[float, float], float] = random.uniform
    client: Any = field(default_factory=_client, repr=False)

    def select(self, statement: Bound) -> Iterator[list[Record]]:
        """Yield a statement's answer in pages, however many; one is in memory at a time."""
        query = self._start(statement)
        try:
            ended = self._wait(query)
        except BaseException:
            self._cancel(query)
            raise
        _check(query, ended)
        yield from self._pages(query)

    def _start(self, statement: Bound) -> str:
        with named_errors("Athena", f"workgroup {self.place.workgroup}"):
            query = wr.athena.start_query_execution(
                sql=statement.sql,
                params=statement.literals,
                paramstyle="qmark",
                data_source=self.place.catalogue,
                database=self.place.database,
                workgroup=self.place.workgroup,
                s3_output=self.place.results,
            )
        logger.info("query started", extra={"query_id": query})
        return str(query)

    def _wait(self, query: str) -> Mapping[str, Any]:
        """Return how a query ended, or raise if it has not when time runs out."""
        longest = FIRST_PAUSE
        while (found := self._execution(query))["Status"]["State"] not in FINAL:
            if self.seconds_left() < RESERVE:
                raise _too_slow(query, found["Status"]["State"])
            self.pause(self.uniform(longest / 2, longest))
            longest = min(2 * longest, MAX_PAUSE)
        return found

    def _execution(self, query: str) -> dict[str, Any]:
        with named_errors("Athena", f"query {query}"):
            return wr.athena.get_query_execution(query)

    def _cancel(self, query: str) -> None:
        """Stop a query that nobody waits for any more; one that has ended takes no harm."""
        try:
            with named_errors("Athena", f"query {query}"):
                wr.athena.stop_query_execution(query)
        except PipelineError as error:  # what brought us here says more
            logger.warning("query not cancelled", extra={"query_id": query, "error": str(error)})

    def _pages(self, query: str) -> Iterator[list[Record]]:
        # By the API and not from the CSV behind it: pandas would take an empty text for null, and round doubles.
        pages = self.client.get_paginator("get_query_results").paginate(
            QueryExecutionId=query, PaginationConfig={"PageSize": PAGE_ROWS}
        )
        columns = None
        with named_errors("Athena", f"query {query}"):
            for page in pages:
                rows = page["ResultSet"]["Rows"]
                if columns is None:
                    columns = read_columns(page["ResultSet"]["ResultSetMetadata"]["ColumnInfo"], self.names)
                    rows = rows[1:]  # the columns' names
                yield list(read_rows(rows, columns))


def _too_slow(query: str, state: str) -> PipelineError:
    if state == "QUEUED":
        return ServiceUnavailableError(
            f"Athena had no turn for query {query} in this function's time; it is cancelled."
        )
    return QueryError(
        f"Query {query} did not end in this function's time and is cancelled. Ask for a shorter range, or simplify it."
    )


def _check(query: str, ended: Mapping[str, Any]) -> None:
    """Tell what a query took, or raise Athena's reason why it did not succeed."""
    status, statistics = ended["Status"], ended.get("Statistics", {})
    if status["State"] != "SUCCEEDED":
        raise _failure(query, status)
    took = {
        "bytes_scanned": statistics.get("DataScannedInBytes"),
        "duration_ms": statistics.get("TotalExecutionTimeInMillis"),
    }
    logger.info("query succeeded", extra={"query_id": query, **took})


def _failure(query: str, status: Mapping[str, Any]) -> PipelineError:
    told = status.get("AthenaError", {})
    reason = status.get("StateChangeReason") or told.get("ErrorMessage") or "Athena gave no reason."
    kind = ServiceUnavailableError if told.get("Retryable") else QueryError
    return kind(f"Query {query} {status['State'].lower()}: {reason}", query_id=query)
