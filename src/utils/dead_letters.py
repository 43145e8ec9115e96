"""Dead letters: a message put aside for a person, and what is told beside it."""

import re
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from utils.errors import ServiceUnavailableError

MAX_TOLD = 1000  # characters; attributes count towards the message's size
REFUSED = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # by SQS


def send_letter(client: Any, url: str, body: str, told: Mapping[str, str]) -> None:
    """Put a message aside; until that is done, whoever brought it must not acknowledge it."""
    try:
        client.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=attributes(told))
    except (BotoCoreError, ClientError) as error:
        raise ServiceUnavailableError(f"The dead-letter queue {url} refused: {error}.") from error


def attributes(told: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return texts as attributes of a message of SQS, cut to what is worth reading."""
    return {
        name: {"DataType": "String", "StringValue": REFUSED.sub("?", text)[:MAX_TOLD]} for name, text in told.items()
    }
