"""The query Lambda: on a schedule, or with the range that an event names, queue what is to be delivered."""

import logging
import os
from typing import Any

from transformation.query.pipeline import Queued, queue_records
from transformation.query.request import read_request
from transformation.query.wiring import Config, open_lambda_ports
from utils import log
from utils.deadline import lambda_seconds

log.configure("query")
logger = logging.getLogger(__name__)


@log.logs_failures
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Queue the records of the schedule's next window, or of the range asked for, and answer how many."""
    log.bind(request_id=getattr(context, "aws_request_id", ""))
    ports = open_lambda_ports(Config.from_env(os.environ), lambda_seconds(context))
    request = read_request(event, ports.project.query.parameters)
    answer = _answer(queue_records(request, ports))
    logger.info("records queued", extra=answer)
    return answer


def _answer(queued: Queued) -> dict[str, Any]:
    window = queued.window
    return {
        "from": window and window.start.isoformat(),
        "until": window and window.end.isoformat(),
        "records": queued.records,
        "messages": queued.messages,
        "settled": queued.settled,
        "unsendable": queued.unsendable,
        "more": queued.more,
    }
