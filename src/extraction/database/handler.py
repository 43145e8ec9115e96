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
    run = Run(
        run_id=event["run_id"],
        started_at=started_at,
        token=uuid.uuid4().hex[:8],
        resync=bool(request.get("resync", False)),
        backfill=tuple(request.get("backfill", ())),
        compare_keys=tuple(request.get("compare_keys", ())),
        rows={table: tuple(keys) for table, keys in request.get("rows", {}).items()},
    )
    with open_lambda_ports(Config.from_env(os.environ)) as ports:
        return summary(run.run_id, extract_batch(run, ports))
