"""Athena and its catalogue, by boto3: in a workgroup that limits what a query may read."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config

from transformation.delta.ports import Progress
from utils.aws_errors import Fault, named_errors
from utils.errors import AccessDeniedError, ConfigurationError, PipelineError, ServiceUnavailableError

PARQUET = "org.apache.hadoop.hive.ql.io.parquet"
WRONG = {"InvalidRequestException", "EntityNotFoundException", "InvalidInputException", "ValidationException"}


@dataclass(frozen=True)
class AthenaByBoto:
    """A workgroup, and a database that holds nothing but the tables of comparisons under way."""

    database: str
    workgroup: str
    athena: Any = field(repr=False)
    glue: Any = field(repr=False)

    @classmethod
    def open(cls, database: str, workgroup: str) -> "AthenaByBoto":
        """Reach both by the environment's credentials."""
        config = Config(retries={"mode": "standard", "total_max_attempts": 6}, connect_timeout=5, read_timeout=30)
        return cls(database, workgroup, *(boto3.client(name, config=config) for name in ("athena", "glue")))

    def create_table(self, name: str, columns: Mapping[str, str], location: str) -> None:
        """Let queries read a folder's Parquet files as a table; columns go by their names."""
        storage = {
            "Columns": [{"Name": column, "Type": kind} for column, kind in columns.items()],
            "Location": location,
            "InputFormat": f"{PARQUET}.MapredParquetInputFormat",
            "OutputFormat": f"{PARQUET}.MapredParquetOutputFormat",
            "SerdeInfo": {"SerializationLibrary": f"{PARQUET}.serde.ParquetHiveSerDe"},
        }
        table = {
            "Name": name,
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {"EXTERNAL": "TRUE", "classification": "parquet"},
            "StorageDescriptor": storage,
        }
        with self._named_errors(), contextlib.suppress(self.glue.exceptions.AlreadyExistsException):
            self.glue.create_table(DatabaseName=self.database, TableInput=table)  # a repeat after a lost answer

    def drop_table(self, name: str) -> None:
        """Forget a table, not its files; it need not be there."""
        with self._named_errors(), contextlib.suppress(self.glue.exceptions.EntityNotFoundException):
            self.glue.delete_table(DatabaseName=self.database, Name=name)

    def relation(self, name: str) -> str:
        """Return a table's name for SQL."""
        return f'"{self.database}"."{name}"'

    def start(self, sql: str) -> str:
        """Start a query, whose answer goes where the workgroup says, and return its id."""
        with self._named_errors():
            started = self.athena.start_query_execution(
                QueryString=sql,
                QueryExecutionContext={"Database": self.database},
                WorkGroup=self.workgroup,
            )
        return str(started["QueryExecutionId"])

    def progress(self, query: str) -> Progress:
        """Tell how far a query is."""
        with self._named_errors():
            status = self.athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]
        if status["State"] not in ("FAILED", "CANCELLED"):
            return Progress(done=status["State"] == "SUCCEEDED")
        reason = status.get("StateChangeReason") or f"it is {status['State']}"
        # A late owner of the lock cancels its queries, which its successor may wait for; Athena what reads too much.
        cancelled = status["State"] == "CANCELLED" and "limit" not in reason
        passing = cancelled or bool(status.get("AthenaError", {}).get("Retryable"))
        return Progress(done=True, failure=reason, passing=passing)

    def rows(self, query: str) -> list[tuple[str | None, ...]]:
        """Return the few rows of a query that succeeded, as texts."""
        with self._named_errors():
            found = self.athena.get_query_results(QueryExecutionId=query)["ResultSet"]["Rows"]
        return [tuple(value.get("VarCharValue") for value in row["Data"]) for row in found[1:]]  # the first is a header

    def stop(self, query: str) -> None:
        """End a query; it may have ended by itself."""
        with self._named_errors(), contextlib.suppress(self.athena.exceptions.InvalidRequestException):
            self.athena.stop_query_execution(QueryExecutionId=query)

    def _named_errors(self) -> contextlib.AbstractContextManager[None]:
        where = f"The workgroup {self.workgroup} or the database {self.database}"
        return named_errors(where, ServiceUnavailableError, lambda fault: _named(fault, where))


def _named(fault: Fault, where: str) -> PipelineError:
    if fault.is_denied:
        return AccessDeniedError(f"{where} refused: {fault.message}. Grant this role what it names.")
    if fault.code in WRONG:
        return ConfigurationError(
            f"{where} cannot be used: {fault.message}. Create them, or correct ATHENA_WORKGROUP and ATHENA_DATABASE."
        )
    return ServiceUnavailableError(f"{where} did not answer: {fault.code}")
