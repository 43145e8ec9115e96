"""Messages put aside for a person, with the reason beside them."""

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from load.files.events import Message
from utils.errors import ObjectStoreUnavailableError, PipelineError

MAX_REASON = 1000  # characters; an attribute counts towards the message's 256 KB


@dataclass(frozen=True)
class DeadLetterQueue:
    """The queue for what no retry will mend."""

    url: str
    client: Any

    def send(self, message: Message, error: Exception) -> None:
        """Put a copy of the message aside; until it is there, the message itself is not acknowledged."""
        fields = error.fields if isinstance(error, PipelineError) else {}
        told = {
            "reason": str(error)[:MAX_REASON] or type(error).__name__,
            "error_type": type(error).__name__,
            "key": str(fields.get("key") or _first_key(message))[:MAX_REASON] or "unknown",
            "message_id": message.id,
        }
        attributes = {name: {"DataType": "String", "StringValue": _allowed(value)} for name, value in told.items()}
        try:
            self.client.send_message(QueueUrl=self.url, MessageBody=message.body, MessageAttributes=attributes)
        except (BotoCoreError, ClientError) as failure:
            raise ObjectStoreUnavailableError(f"The dead-letter queue {self.url} refused: {failure}.") from failure


def _allowed(text: str) -> str:
    """Return the text without the characters that SQS refuses."""
    return "".join(c if c in "\t\n\r" or " " <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" else "?" for c in text)


def _first_key(message: Message) -> str:
    try:
        return next((dropped.key for dropped in message.files()), "")
    except PipelineError:
        return ""
