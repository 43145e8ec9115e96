"""The transformation Lambda."""

import os
from typing import Any

from transformation.star_schema.pipeline import transform_pending
from transformation.star_schema.wiring import Config, open_lambda_ports
from utils import log
from utils.deadline import lambda_deadline

log.configure("transformation")


@log.logs_failures
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Transform what waits, as far as time allows, and answer with the batches and counts."""
    log.bind(run_id=event["run_id"])
    ports = open_lambda_ports(Config.from_env(os.environ))
    return transform_pending(event["run_id"], ports, lambda_deadline(context))
