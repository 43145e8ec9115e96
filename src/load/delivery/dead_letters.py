"""The queue for what no retry will mend: the message to send again, with the reason beside it."""

from dataclasses import dataclass
from typing import Any

from load.delivery.answers import Answer
from load.delivery.batches import Record, as_json
from load.delivery.messages import Message
from utils.dead_letters import send_letter
from utils.errors import PipelineError, RecordRefusedError


@dataclass(frozen=True)
class DeadLetterQueue:
    """A queue of SQS."""

    url: str
    client: Any

    def send_record(self, record: Record, answer: Answer, times: int) -> None:
        """Put a record aside as a message that can be sent again as it is; by `refused` it is known as a replay."""
        body = as_json({"records": [record], "refused": {"times": times, "status": answer.status}}).decode()
        reason = f"The endpoint answered {answer.status} to this record alone: {answer.text}"
        told = {"reason": reason, "error_type": RecordRefusedError.__name__, "key": record["id"]}
        send_letter(self.client, self.url, body, {**told, "status": str(answer.status)})

    def send_message(self, message: Message, error: PipelineError) -> None:
        """Put a copy of a message aside."""
        told = {"reason": str(error), "error_type": type(error).__name__, "message_id": message.id}
        send_letter(self.client, self.url, message.body, told)
