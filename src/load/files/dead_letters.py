"""Messages put aside for a person, with the reason beside them."""

from dataclasses import dataclass
from typing import Any

from load.files.events import Message
from utils.dead_letters import send_letter
from utils.errors import PipelineError


@dataclass(frozen=True)
class DeadLetterQueue:
    """The queue for what no retry will mend."""

    url: str
    client: Any

    def send(self, message: Message, error: Exception) -> None:
        """Put a copy of the message aside; until it is there, the message itself is not acknowledged."""
        fields = error.fields if isinstance(error, PipelineError) else {}
        told = {
            "reason": str(error) or type(error).__name__,
            "error_type": type(error).__name__,
            "key": _key_of(message, str(fields.get("key", ""))) or "unknown",
            "message_id": message.id,
        }
        send_letter(self.client, self.url, message.body, told)


def _key_of(message: Message, told: str) -> str:
    """Return the key of the file that the error tells of; a store tells of objects that are none of the message's."""
    try:
        keys = [dropped.key for dropped in message.files()]
    except PipelineError:
        keys = []
    return told if told in keys or not keys else keys[0]
