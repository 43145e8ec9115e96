"""A Kinesis stream that changes are put into."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config

from transformation.delta.ports import Record
from utils.aws_errors import Fault, named_errors
from utils.errors import AccessDeniedError, ConfigurationError, PipelineError, ServiceUnavailableError

WRONG = {"ResourceNotFoundException", "ValidationException", "InvalidArgumentException", "KMSDisabledException"}


@dataclass(frozen=True)
class KinesisStream:
    """A stream by its name."""

    name: str
    client: Any = field(repr=False)

    @classmethod
    def open(cls, name: str) -> "KinesisStream":
        """Reach a stream by the environment's credentials; once, for making clients is not safe among threads."""
        # One attempt: whoever calls sends again only what did not get in, and knows when to stop.
        config = Config(retries={"mode": "standard", "total_max_attempts": 1}, connect_timeout=5, read_timeout=20)
        return cls(name, boto3.client("kinesis", config=config))

    def put(self, records: Sequence[Record]) -> dict[int, str]:
        """Send records; return the places of those that did not get in, each with the reason."""
        entries = [{"Data": record.data, "PartitionKey": record.partition_key} for record in records]
        with named_errors(f"The stream {self.name}", ServiceUnavailableError, self._named):
            reply = self.client.put_records(StreamName=self.name, Records=entries)
        return {place: found["ErrorCode"] for place, found in enumerate(reply["Records"]) if found.get("ErrorCode")}

    def _named(self, fault: Fault) -> PipelineError:
        if fault.is_denied:
            return AccessDeniedError(
                f"Kinesis refused {self.name}: {fault.message}. Grant this role kinesis:PutRecords."
            )
        if fault.code in WRONG:
            return ConfigurationError(
                f"The stream {self.name} cannot be used: {fault.message}. Create it, or correct STREAM."
            )
        return ServiceUnavailableError(f"The stream {self.name} did not answer: {fault.code}")
