"""The queue for what no retry will mend: the message to send again, with the reason beside it."""

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from load.delivery.answers import Answer
from load.delivery.batches import Record, as_json
from load.delivery.messages import Message
from utils.dead_letters import attributes
from utils.errors import PipelineError, RecordRefusedError, ServiceUnavailableError


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
        self._send(body, {**told, "status": str(answer.status)})

    def send_message(self, message: Message, error: PipelineError) -> None:
        """Put a copy of a message aside."""
        told = {"reason": str(error), "error_type": type(error).__name__, "message_id": message.id}
        self._send(message.body, told)

    def _send(self, body: str, told: dict[str, str]) -> None:
        try:
            self.client.send_message(QueueUrl=self.url, MessageBody=body, MessageAttributes=attributes(told))
        except (BotoCoreError, ClientError) as error:
            raise ServiceUnavailableError(f"The dead-letter queue {self.url} refused: {error}.") from error
