"""Athena on this machine: its API over HTTP, answering from the raw store with DuckDB."""

import contextlib
import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from local.delivery.athena_lake import Answer, Lake, RefusedQueryError
from local.serving import serving

PAGE_ROWS = 1000  # with the first page's line of names, as Athena counts
Asked = Mapping[str, Any]
Call = Callable[[str, Asked], dict[str, Any]]


class AthenaError(Exception):
    """An error as the API tells it."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


@dataclass
class Query:
    """One statement that was asked, and what became of it."""

    asked: Asked
    state: str = "SUCCEEDED"
    reason: str = ""
    answer: Answer = field(default_factory=lambda: Answer((), ()))

    def described(self, name: str) -> dict[str, Any]:
        """Return the query as GetQueryExecution does."""
        status: dict[str, Any] = {"State": self.state}
        if self.reason:
            error = {"ErrorCategory": 2, "ErrorType": 1, "Retryable": False, "ErrorMessage": self.reason}
            status |= {"StateChangeReason": self.reason, "AthenaError": error}
        return {
            "QueryExecutionId": name,
            "Query": self.asked["QueryString"],
            "QueryExecutionContext": self.asked.get("QueryExecutionContext", {}),
            "WorkGroup": self.asked.get("WorkGroup", "primary"),
            "Status": status,
            "Statistics": {"DataScannedInBytes": self.answer.bytes_scanned, "TotalExecutionTimeInMillis": 1},
        }

    def page(self, first: int, most: int) -> dict[str, Any]:
        """Return some of the answer as GetQueryResults does, from a row on."""
        names = tuple(name for name, _ in self.answer.columns)
        rows = (names, *self.answer.rows)
        described = [
            {"Name": name, "Label": name, "Type": kind, "Nullable": "UNKNOWN", "CaseSensitive": False}
            for name, kind in self.answer.columns
        ]
        result = {
            "Rows": [{"Data": [_cell(text) for text in row]} for row in rows[first : first + most]],
            "ResultSetMetadata": {"ColumnInfo": described},
        }
        more = {"NextToken": str(first + most)} if first + most < len(rows) else {}
        return {"ResultSet": result, **more}


@dataclass
class LocalAthena:
    """The few calls that the query needs."""

    lake: Lake
    queries: dict[str, Query] = field(default_factory=dict)

    def call(self, operation: str, asked: Asked) -> dict[str, Any]:
        """Answer one call of the API, or raise AthenaError."""
        calls: dict[str, Callable[[Asked], dict[str, Any]]] = {
            "GetWorkGroup": self._get_work_group,
            "StartQueryExecution": self._start,
            "GetQueryExecution": self._describe,
            "GetQueryResults": self._results,
            "StopQueryExecution": self._stop,
        }
        if operation not in calls:
            raise AthenaError("InvalidRequestException", f"{operation} is not emulated")
        return calls[operation](asked)

    def _get_work_group(self, asked: Asked) -> dict[str, Any]:
        settings = {"EnforceWorkGroupConfiguration": False, "ResultConfiguration": {}}
        return {"WorkGroup": {"Name": asked["WorkGroup"], "State": "ENABLED", "Configuration": settings}}

    def _start(self, asked: Asked) -> dict[str, Any]:
        query = Query(asked)
        try:
            query.answer = self.lake.ask(asked["QueryString"], asked.get("ExecutionParameters", []))
        except RefusedQueryError as error:
            query.state, query.reason = "FAILED", str(error)
        name = str(uuid.uuid4())
        self.queries[name] = query
        return {"QueryExecutionId": name}

    def _describe(self, asked: Asked) -> dict[str, Any]:
        return {"QueryExecution": self._query(asked).described(asked["QueryExecutionId"])}

    def _results(self, asked: Asked) -> dict[str, Any]:
        query = self._query(asked)
        if query.state != "SUCCEEDED":
            raise AthenaError("InvalidRequestException", f"Query has not succeeded: {query.state}")
        return query.page(int(asked.get("NextToken", 0)), min(asked.get("MaxResults", PAGE_ROWS), PAGE_ROWS))

    def _stop(self, asked: Asked) -> dict[str, Any]:
        query = self._query(asked)
        if query.state in {"QUEUED", "RUNNING"}:
            query.state, query.reason = "CANCELLED", "Query cancelled by user"
        return {}

    def _query(self, asked: Asked) -> Query:
        if asked["QueryExecutionId"] not in self.queries:
            raise AthenaError("InvalidRequestException", f"QueryExecution {asked['QueryExecutionId']} was not found")
        return self.queries[asked["QueryExecutionId"]]


def _cell(text: str | None) -> dict[str, str]:
    return {} if text is None else {"VarCharValue": text}


@contextlib.contextmanager
def served(call: Call) -> Iterator[str]:
    """Answer the API on a free port of this machine for as long as the block lasts, and give its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            operation = self.headers["X-Amz-Target"].rpartition(".")[2]
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            try:
                self._answer(200, call(operation, asked))
            except AthenaError as error:
                self._answer(error.status, {"__type": error.code, "message": error.message})

        def _answer(self, status: int, told: Mapping[str, Any]) -> None:
            body = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            """Keep requests out of the output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with serving(server):
        yield f"http://127.0.0.1:{server.server_port}"
