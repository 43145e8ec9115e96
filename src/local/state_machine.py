"""Start executions of the deployed state machine and follow them to their end."""

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

MODULES = Path(__file__).parents[2] / "terraform/modules"
DEFINITION = MODULES / "warehouse/state_machine.asl.json"
EXPORTS_DEFINITION = MODULES / "export_delta/state_machine.asl.json"
POLL_INTERVAL = 0.05  # seconds, of the emulator
RUNNING = "RUNNING"


class Clients(Protocol):
    """AWS, real or emulated."""

    def client(self, service: str, /) -> Any:
        """Return a boto3 client of one service."""
        ...


@dataclass(frozen=True)
class Execution:
    """How a run of the state machine ended."""

    status: str  # SUCCEEDED, FAILED, TIMED_OUT or ABORTED
    output: Mapping[str, Any]  # the three stages' answers, by stage; empty unless it succeeded
    error: str
    cause: str
    states: tuple[str, ...]  # the states it entered, in order


def ignore_state(_name: str) -> None:
    """Tell nobody which state was entered."""


def render_definition(values: Mapping[str, str], definition: Path = DEFINITION) -> str:
    """Fill the placeholders of a state machine's file as Terraform's templatefile does."""
    return re.sub(r"\$\{(\w+)\}", lambda match: values[match[1]], definition.read_text())


def start_execution(aws: Clients, state_machine_arn: str, run_id: str, request: str = "{}") -> str:
    """Start a run and return the name by which it can be followed."""
    client = aws.client("stepfunctions")
    started = client.start_execution(stateMachineArn=state_machine_arn, name=run_id, input=request)
    return str(started["executionArn"])


def follow(
    aws: Clients,
    execution_arn: str,
    on_state: Callable[[str], None] = ignore_state,
    timeout: float = 900.0,
    interval: float = POLL_INTERVAL,
) -> Execution:
    """Wait for a run to end, telling of every state it enters."""
    client = aws.client("stepfunctions")
    deadline = time.monotonic() + timeout
    told = 0
    while True:
        described = client.describe_execution(executionArn=execution_arn)
        states = _states_entered(client, execution_arn)
        for state in states[told:]:
            on_state(state)
        told = len(states)
        if described["status"] != RUNNING:
            return _ended(described, states)
        if time.monotonic() > deadline:
            raise TimeoutError(f"{execution_arn} still runs after {timeout:.0f} s; the last state is {states[-1:]}")
        time.sleep(interval)


def _states_entered(client: Any, execution_arn: str) -> tuple[str, ...]:
    pages = client.get_paginator("get_execution_history").paginate(executionArn=execution_arn)
    events = (event for page in pages for event in page["events"])
    return tuple(event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event)


def _ended(described: Mapping[str, Any], states: tuple[str, ...]) -> Execution:
    return Execution(
        status=described["status"],
        output=json.loads(described.get("output") or "{}"),
        error=described.get("error", ""),
        cause=described.get("cause", ""),
        states=states,
    )
