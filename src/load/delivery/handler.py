"""The delivery Lambda: post to the endpoint what a batch of messages brings, each message by itself."""

import os
from typing import Any

from load.delivery.messages import Message
from load.delivery.pipeline import deliver
from load.delivery.wiring import Config, open_lambda_ports
from utils import log
from utils.deadline import lambda_seconds

log.configure("delivery")


@log.logs_failures
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Deliver what the messages bring, and answer which of them are to come again."""
    log.bind(request_id=getattr(context, "aws_request_id", ""))
    ports = open_lambda_ports(Config.from_env(os.environ), lambda_seconds(context))
    left = deliver(map(Message.of, event["Records"]), ports)
    return {"batchItemFailures": [{"itemIdentifier": message} for message in left]}
