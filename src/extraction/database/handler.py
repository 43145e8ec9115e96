"""The extraction Lambda."""

import os
import uuid
from datetime import datetime
from typing import Any

from extraction.database.pipeline import Run, extract_batch, summary
from extraction.database.wiring import Config, open_lambda_ports
from utils import log

log.configure("extraction")


@log.logs_failures
def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Extract one batch, if anything changed, and answer with its number and counts."""
    log.bind(run_id=event["run_id"])
    started_at = datetime.fromisoformat(event["started_at"])
    request = event.get("request", {})  # what the execution was started with
    token, backfill = uuid.uuid4().hex[:8], tuple(request.get("backfill", ()))
    run = Run(event["run_id"], started_at, token, bool(request.get("resync", False)), backfill)
    with open_lambda_ports(Config.from_env(os.environ)) as ports:
        return summary(run.run_id, extract_batch(run, ports))
