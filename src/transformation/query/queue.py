"""The delivery queue: messages sent in tens, and what the queue did not take sent again."""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config

from transformation.query.aws_errors import named_errors
from transformation.query.messages import Message, grouped
from utils.errors import QueryError, ServiceUnavailableError

CALL_MESSAGES = 10
CALL_BYTES = 1 << 20  # of all messages of a call together; it was 256 KiB until 2025
ATTEMPTS = 6
FIRST_PAUSE = 0.2  # seconds; the longest so far doubles it
MAX_PAUSE = 5.0

Failure = Mapping[str, Any]  # of one message of a call, as SQS tells it


def _client() -> Any:
    return boto3.client("sqs", config=Config(retries={"mode": "standard", "max_attempts": 5}))


@dataclass(frozen=True)
class SqsQueue:
    """A queue of SQS."""

    url: str
    pause: Callable[[float], None] = time.sleep
    uniform: Callable[[float, float], float] = random.uniform
    client: Any = field(default_factory=_client, repr=False)

    def send(self, messages: Iterable[Message]) -> Iterator[Message]:
        """Send messages, and yield each once the queue has it."""
        for group in grouped(messages, lambda message: len(message.body), CALL_BYTES, CALL_MESSAGES):
            yield from self._send(group)

    def _send(self, waiting: list[Message]) -> Iterator[Message]:
        longest, reason = FIRST_PAUSE, ""
        for attempt in range(ATTEMPTS):
            if attempt:
                self.pause(self.uniform(0, longest))  # full jitter
                longest = min(2 * longest, MAX_PAUSE)
            failed = self._try(waiting)
            yield from (message for number, message in enumerate(waiting) if number not in failed)
            if not failed:
                return
            self._check(failed.values())
            waiting = [waiting[number] for number in sorted(failed)]
            reason = _reason(next(iter(failed.values())))
        raise ServiceUnavailableError(f"The queue {self.url} did not take {len(waiting)} messages: {reason}")

    def _try(self, messages: Sequence[Message]) -> dict[int, Failure]:
        """Send messages in one call, and return by number which of them the queue did not take, and why."""
        entries = [{"Id": str(number), "MessageBody": message.body} for number, message in enumerate(messages)]
        with named_errors("SQS", f"queue {self.url}"):
            failures = self.client.send_message_batch(QueueUrl=self.url, Entries=entries).get("Failed", ())
        return {int(each["Id"]): each for each in failures}

    def _check(self, failures: Iterable[Failure]) -> None:
        for failure in failures:
            if failure["SenderFault"]:
                raise QueryError(
                    f"The queue {self.url} refuses a message: {_reason(failure)}. "
                    "Compare its MaximumMessageSize with 262144."
                )


def _reason(failure: Failure) -> str:
    return f"{failure['Code']}: {failure.get('Message', '')}"
