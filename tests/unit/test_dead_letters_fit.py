"""The largest record that the query sends, when it is put aside with all that is told beside it."""

import json

from load.delivery.answers import Answer
from load.delivery.dead_letters import DeadLetterQueue
from transformation.query.messages import MESSAGE_BYTES, as_parcel

SQS_BYTES = 256 << 10  # of a message with its attributes, unless its queue allows more
KEY = "raw/year=2024/month=05/day=17/hour=09/a.json"


class Scale:
    """Weighs what is sent, as SQS does."""

    def send_message(self, MessageBody, MessageAttributes, **_):  # noqa: N803 - as the client has them
        told = [name + each["DataType"] + each["StringValue"] for name, each in MessageAttributes.items()]
        self.bytes = len("".join([MessageBody, *told]).encode())


def largest():
    """Return a record of many fields that fills a message, whose id is as long as may be."""
    record = {"id": "€" * 341, "objectKey": KEY, **{f"field_{number}": number for number in range(500)}, "text": ""}
    room = MESSAGE_BYTES - len(json.dumps({"records": [record]}, separators=(",", ":")))
    return {**record, "text": "x" * room}


def test_the_largest_record_of_a_message_can_be_put_aside():
    record, scale = largest(), Scale()
    assert len(as_parcel(record).text) > MESSAGE_BYTES - 20

    DeadLetterQueue("queue", scale).send_record(record, Answer(422, "€" * 2000), 1000)

    assert MESSAGE_BYTES < scale.bytes <= SQS_BYTES
