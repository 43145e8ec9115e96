"""What waits in a dead-letter queue, and what a person may do with it."""

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from load.files.events import Message
from utils.errors import AccessDeniedError, ConfigurationError, PipelineError

HIDDEN_SECONDS = 120  # nobody else is given a message while a person looks; afterwards it is back at once
BATCH = 10  # the most that SQS hands out at a time
MOST = 1000  # messages shown; more is no list for a person
ID_LENGTH = 8


@dataclass(frozen=True)
class Letter:
    """One message in the queue."""

    id: str
    key: str  # of the first file that it names, or the id of its first record
    records: int  # that wait to be delivered; none in a message about files
    reason: str
    error_type: str
    sent: str  # milliseconds since 1970, as SQS has it
    body: str
    receipt: str = field(repr=False, default="")


@dataclass(frozen=True)
class DeadLetters:
    """A dead-letter queue while a person is at it."""

    url: str
    client: Any

    @contextlib.contextmanager
    def read(self) -> Iterator[list[Letter]]:
        """Take every message, and give those back that are still there at the end."""
        with _named_errors(self.url):
            letters: list[Letter] = []
            try:
                while len(letters) < MOST and (found := self._receive()):
                    letters += found
                yield letters
            finally:
                for letter in letters:
                    self._give_back(letter)

    def _receive(self) -> list[Letter]:
        reply = self.client.receive_message(
            QueueUrl=self.url,
            MaxNumberOfMessages=BATCH,
            VisibilityTimeout=HIDDEN_SECONDS,
            WaitTimeSeconds=1,
            MessageAttributeNames=["All"],
            AttributeNames=["All"],
        )
        return [_letter(message) for message in reply.get("Messages", ())]

    def _give_back(self, letter: Letter) -> None:
        with contextlib.suppress(ClientError, BotoCoreError):  # it was deleted, or comes back by itself
            self.client.change_message_visibility(QueueUrl=self.url, ReceiptHandle=letter.receipt, VisibilityTimeout=0)

    def drop(self, letters: Sequence[Letter]) -> None:
        """Delete messages."""
        for letter in letters:
            self.client.delete_message(QueueUrl=self.url, ReceiptHandle=letter.receipt)

    def replay(self, letters: Sequence[Letter], queue: str = "") -> None:
        """Send messages to the queue they came from, and only then delete them here."""
        to = queue or self._source()
        for letter in letters:
            self.client.send_message(QueueUrl=to, MessageBody=letter.body)
            self.drop([letter])

    def _source(self) -> str:
        urls: list[str] = self.client.list_dead_letter_source_queues(QueueUrl=self.url).get("queueUrls", [])
        if len(urls) != 1:
            raise ConfigurationError(
                f"{len(urls)} queues have {self.url} as their dead-letter queue. Name the one to send to with --queue."
            )
        return urls[0]


def open_letters(name: str) -> DeadLetters:
    """Open a queue by its URL or its name."""
    with _named_errors(name):
        client = boto3.client("sqs")
        if name.startswith(("https://", "http://")):
            return DeadLetters(name, client)
        return DeadLetters(client.get_queue_url(QueueName=name)["QueueUrl"], client)


def choose(letters: Sequence[Letter], ids: Sequence[str]) -> list[Letter]:
    """Return the messages of these ids or their beginnings, or raise ConfigurationError for one that is not one."""
    chosen = []
    for wanted in ids:
        found = [letter for letter in letters if letter.id.startswith(wanted)]
        if len(found) != 1:
            raise ConfigurationError(
                f"{wanted!r} is the beginning of {len(found)} messages' ids. See `starlift dlq list`."
            )
        chosen += found
    return chosen


def _letter(message: dict[str, Any]) -> Letter:
    told = {name: value.get("StringValue", "") for name, value in message.get("MessageAttributes", {}).items()}
    ids = _record_ids(message["Body"])
    return Letter(
        id=message["MessageId"],
        key=told.get("key") or (ids[0] if ids else _file(message["Body"])),
        records=len(ids),
        reason=told.get("reason", "It was received as often as its queue allows; the function's log says more."),
        error_type=told.get("error_type", "unknown"),
        sent=message.get("Attributes", {}).get("SentTimestamp", ""),
        body=message["Body"],
        receipt=message["ReceiptHandle"],
    )


def _record_ids(body: str) -> list[str]:
    """Return the ids of the records that a message takes to an endpoint, nothing for any other message."""
    try:
        return [str(record["id"]) for record in json.loads(body)["records"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []


def _file(body: str) -> str:
    with contextlib.suppress(PipelineError):
        return next((dropped.key for dropped in Message("", body, 1).files()), "")
    return ""


@contextlib.contextmanager
def _named_errors(queue: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if "NonExistentQueue" in str(error):
            raise ConfigurationError(f"There is no queue {queue}. Give the dead-letter queue's URL or name.") from error
        raise AccessDeniedError(f"SQS refused {queue}: {error}. Allow this user to use it.") from error
    except BotoCoreError as error:
        raise ConfigurationError(
            f"SQS cannot be reached for {queue}: {str(error).rstrip('.')}. Log in to AWS, and set AWS_REGION."
        ) from error
