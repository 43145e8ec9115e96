"""The extraction Lambda."""

import os
import uuid
from typing import Any

from extraction.database.pipeline import Run, extract_batch, summary
from extraction.database.request import read_moment, read_request
from extraction.database.wiring import Config, open_lambda_ports
from utils import log

log.configure("extraction")


@log.logs_failures
def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Extract one batch, if anything changed, and answer with its number and counts."""
    log.bind(run_id=event["run_id"])
    request = read_request(event)
    run = Run(
        run_id=event["run_id"],
        started_at=read_moment(event),
        token=uuid.uuid4().hex[:8],
        resync=bool(request.get("resync", False)),
        backfill=tuple(request.get("backfill", ())),
        compare_keys=tuple(request.get("compare_keys", ())),
        rows={table: tuple(keys) for table, keys in request.get("rows", {}).items()},
    )
    with open_lambda_ports(Config.from_env(os.environ)) as ports:
        return summary(run.run_id, extract_batch(run, ports))
