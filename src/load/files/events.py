"""Messages of the queue: which files S3 says were created, by which message."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from load.files.ports import DroppedFile
from utils.errors import UnroutableError

TEST = "s3:TestEvent"  # which S3 sends when a bucket is told to notify a queue
CREATED = "ObjectCreated:"
UNVERSIONED = {None, "", "null"}  # "null" names whatever a bucket without versions holds now


@dataclass(frozen=True)
class Message:
    """One message as Lambda hands it on."""

    id: str
    body: str
    receives: int

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "Message":
        """Read a record of Lambda's event."""
        receives = record.get("attributes", {}).get("ApproximateReceiveCount", 1)
        return cls(record["messageId"], record["body"], int(receives))

    def files(self) -> list[DroppedFile]:
        """Return the files that the message names, or raise UnroutableError when it is not of S3's form."""
        try:
            body = json.loads(self.body)
            if body.get("Event") == TEST:
                return []
            return list(_created(body["Records"]))
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise UnroutableError(
                "The message is not an event of S3: it names no file. Only the bucket may send to this queue."
            ) from error


def _created(records: list[dict[str, Any]]) -> Iterator[DroppedFile]:
    for record in records:
        if record["eventName"].removeprefix("s3:").startswith(CREATED):
            found, version = record["s3"]["object"], record["s3"]["object"].get("versionId")
            yield DroppedFile(
                bucket=record["s3"]["bucket"]["name"],
                key=unquote_plus(found["key"], errors="strict"),
                etag=found["eTag"].strip('"'),
                version="" if version in UNVERSIONED else version,
                sequencer=found.get("sequencer", ""),
                bytes=int(found["size"]),
            )
