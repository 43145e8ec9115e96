"""What is told beside a dead letter."""

import re
from collections.abc import Mapping

MAX_TOLD = 1000  # characters; attributes count towards the message's size
REFUSED = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # by SQS


def attributes(told: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return texts as attributes of a message of SQS, cut to what is worth reading."""
    return {
        name: {"DataType": "String", "StringValue": REFUSED.sub("?", text)[:MAX_TOLD]} for name, text in told.items()
    }
