"""The ingest Lambda, behind API Gateway."""

import logging
import os
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from extraction.api import answers
from extraction.api.pipeline import store_post
from extraction.api.ports import Ports
from extraction.api.refusal import RefusedError
from extraction.api.request import read_post
from extraction.api.wiring import Config, open_lambda_ports
from utils import log
from utils.errors import PipelineError, RetryableError

log.configure("ingest")
logger = logging.getLogger(__name__)


@log.logs_failures
def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Store a POST's records and answer with their count and objects, or with what is wrong."""
    log.bind(request_id=(event.get("requestContext") or {}).get("requestId"))
    ports = open_lambda_ports(Config.from_env(os.environ))
    try:
        return _store(event, ports)
    except RefusedError as error:
        logger.info("post refused", extra={"status": int(error.status), "reason_count": len(error.reasons)})
        return answers.refused(error)
    except (PipelineError, ClientError) as error:  # of the store; the alarm on 5xx answers tells of it
        level = logging.WARNING if isinstance(error, RetryableError) else logging.CRITICAL
        logger.log(level, "post not stored", extra={"error_type": type(error).__name__, "error": str(error)})
        return answers.unavailable()


def _store(event: dict[str, Any], ports: Ports) -> dict[str, Any]:
    stored = store_post(read_post(event, ports.project.ingest, datetime.now(UTC)), ports)
    counts = {"record_count": stored.count, "new_count": stored.new, "object_count": len(stored.keys)}
    logger.info("post stored", extra=counts)
    return answers.accepted(stored)
