"""The delta Lambda: computes and publishes the changes of a claimed version."""

import os
from collections.abc import Mapping
from typing import Any

from transformation.delta.pipeline import publish_delta
from transformation.delta.task import Task
from transformation.delta.wiring import Config, open_lambda_ports
from utils import log
from utils.deadline import lambda_deadline
from utils.export_table import ExportVersion
from utils.registry.claim import Claim

log.configure("delta")

CONFIRMATIONS = {"accept_deletes": "deletes", "accept_dropped_columns": "dropped_columns"}


@log.logs_failures
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Publish the claimed version's changes, as far as time allows, and answer with the counts."""
    claim = Claim.from_message(event["claim"])
    log.bind(run_id=claim.execution)
    ports = open_lambda_ports(Config.from_env(os.environ), claim)
    return publish_delta(task_of(claim, event.get("request", {})), ports, lambda_deadline(context))


def task_of(claim: Claim, request: Mapping[str, Any]) -> Task:
    """Return what to do; a confirmation counts for the version that it was given for, not for one finished first."""
    version = ExportVersion(claim.tenant, claim.table, claim.version)
    given = request if request.get("version") == claim.version else {}
    accepted = frozenset(what for name, what in CONFIRMATIONS.items() if given.get(name) is True)
    return Task(version, claim.order, claim.previous, accepted)
