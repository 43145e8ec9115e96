"""A Kinesis stream that changes are put into."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from transformation.delta.ports import Record
from utils.errors import AccessDeniedError, ConfigurationError, ServiceUnavailableError

DENIED = {"AccessDeniedException", "KMSAccessDeniedException", "UnrecognizedClientException", "ExpiredTokenException"}
WRONG = {"ResourceNotFoundException", "ValidationException", "InvalidArgumentException", "KMSDisabledException"}


@dataclass(frozen=True)
class KinesisStream:
    """A stream by its name."""

    name: str
    client: Any = field(default=None, repr=False)

    @cached_property
    def _kinesis(self) -> Any:
        # One attempt: whoever calls sends again only what did not get in, and knows when to stop.
        config = Config(retries={"mode": "standard", "total_max_attempts": 1}, connect_timeout=5, read_timeout=20)
        return self.client or boto3.client("kinesis", config=config)

    def put(self, records: Sequence[Record]) -> dict[int, str]:
        """Send records; return the places of those that did not get in, each with the reason."""
        entries = [{"Data": record.data, "PartitionKey": record.partition_key} for record in records]
        try:
            reply = self._kinesis.put_records(StreamName=self.name, Records=entries)
        except ClientError as error:
            raise self._named(error) from error
        except BotoCoreError as error:
            raise ServiceUnavailableError(f"The stream {self.name} cannot be reached: {error}") from error
        return {place: found["ErrorCode"] for place, found in enumerate(reply["Records"]) if found.get("ErrorCode")}

    def _named(self, error: ClientError) -> Exception:
        code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
        if code in DENIED:
            return AccessDeniedError(f"Kinesis refused {self.name}: {message}. Grant this role kinesis:PutRecords.")
        if code in WRONG:
            return ConfigurationError(
                f"The stream {self.name} cannot be used: {message}. Create it, or correct STREAM."
            )
        return ServiceUnavailableError(f"The stream {self.name} did not answer: {code}")
