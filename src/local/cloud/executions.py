"""`make invoke`: start a run of the deployed state machine and follow it to its end."""

import json
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from extraction.database.request import read_request
from local.cloud.account import first_post, read_outputs
from local.cloud.deployment import Deployment
from local.cloud.terminal import Terminal
from local.packaging.functions import STAGES
from local.reports import report_table
from local.state_machine import Execution, follow, start_execution
from local.warehouse.run import report
from utils.errors import ConfigurationError, PipelineError
from utils.project import read_project

INTERVAL = 2.0  # seconds between two looks
LONGEST = 24 * 3600.0  # seconds; a first load may take long


def invoke(deployment: Deployment, terminal: Terminal, request: str, interval: float = INTERVAL) -> None:
    """Run once with the given input and tell every state as it is entered."""
    _check(request)
    account, outputs = read_outputs(deployment)
    if not outputs.get("state_machine_arn"):
        raise ConfigurationError(_no_runs(deployment, outputs))
    run_id = f"manual-{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:4]}"
    execution = start_execution(account, outputs["state_machine_arn"], run_id, request)
    terminal.step(f"{run_id} is running; Ctrl-C stops watching it, not the run")
    started = time.monotonic()

    def tell(state: str) -> None:
        terminal.say(f"{time.monotonic() - started:7.0f} s  {state}", "cyan")

    _finish(deployment, terminal, run_id, follow(account, execution, tell, LONGEST, interval))


def _check(request: str) -> None:
    try:
        asked = json.loads(request)
    except ValueError:
        asked = None
    if not isinstance(asked, dict):
        raise ConfigurationError(f'INPUT={request!r} is no JSON object, such as {{"resync": true}}.')
    read_request({"request": asked})  # as extraction will, but before anything is started


def _no_runs(deployment: Deployment, outputs: Mapping[str, Any]) -> str:
    """Say what to do where there is no state machine to start."""
    if files := outputs.get("files"):
        return f"{deployment.name} loads what is dropped, without runs. Drop a file: aws s3 cp FILE {files}/TABLE/"
    if exports := outputs.get("exports"):
        return (
            f"{deployment.name} applies exports as they arrive, without runs. Write one: aws s3 cp FILE "
            f"{exports}/TENANT/TABLE/VERSION/"
        )
    if api := outputs.get("delivery_api"):
        return f"{deployment.name} delivers by its own schedule, without runs. Post a record: {first_post(api)}"
    return f"{deployment.name} has no warehouse pipeline. Set warehouse_enabled = true and `make deploy`."


def _finish(deployment: Deployment, terminal: Terminal, run_id: str, ended: Execution) -> None:
    if ended.status != "SUCCEEDED":
        raise PipelineError(f"{run_id} ended {ended.status}: {ended.error} {_message(ended.cause)}".strip())
    answers: list[Any] = [ended.output[stage] for stage in STAGES]
    found = report(run_id, read_project(deployment.folder), answers)
    if found.tables:
        terminal.show(report_table(found, run_id))
    else:
        terminal.say("Nothing changed in the source, and nothing waited.")
    terminal.say(f"{run_id} succeeded.", "green")


def _message(cause: str) -> str:
    """Return the message of a function's error, without its stack trace."""
    try:
        return str(json.loads(cause)["errorMessage"])
    except (ValueError, KeyError, TypeError):
        return cause
