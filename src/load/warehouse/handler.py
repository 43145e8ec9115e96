"""The load Lambda: merge every transformed batch that the warehouse does not hold yet."""

import os
from typing import Any

from load.warehouse.pipeline import load_pending
from load.warehouse.wiring import Config, open_lambda_ports
from utils import log
from utils.deadline import lambda_deadline

log.configure("load")


@log.logs_failures
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Load what is pending and answer with counts by table; `more` asks to be called again."""
    log.bind(run_id=event["run_id"])
    accepted = event.get("request", {}).get("accept_deletes", ())
    with open_lambda_ports(Config.from_env(os.environ), frozenset(accepted)) as ports:
        return load_pending(event["run_id"], ports, lambda_deadline(context))
