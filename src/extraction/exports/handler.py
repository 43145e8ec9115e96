"""The exports Lambda: starts an execution for what arrived, and is the registry's and the lock's steps of it."""

import contextlib
import json
import os
from collections.abc import Callable, Mapping
from typing import Any

from extraction.exports import pipeline
from extraction.exports.arrival import arrive
from extraction.exports.ports import Ports, Request
from extraction.exports.wiring import Config, open_arrival_ports, open_lambda_ports
from utils import log
from utils.errors import ConfigurationError
from utils.export_table import ExportVersion
from utils.registry.claim import Claim

log.configure("exports")

Event = Mapping[str, Any]


@log.logs_failures
def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Do the step that the event names; an event that names none tells of objects that arrived."""
    config = Config.from_env(os.environ)
    if "action" not in event:
        log.bind()
        return arrive(event, open_arrival_ports(config))
    log.bind(run_id=event.get("execution"))
    if event["action"] not in ACTIONS:
        raise ConfigurationError(f"There is no action {event['action']!r}. Known are {', '.join(ACTIONS)}.")
    return ACTIONS[event["action"]](event, open_lambda_ports(config))


def _request(event: Event) -> Request:
    asked = event.get("request")
    names = ("tenant", "table", "version")
    if not isinstance(asked, dict) or not all(isinstance(asked.get(name), str) and asked[name] for name in names):
        raise ConfigurationError(
            'The execution was started without its version. Start it with {"tenant": "...", "table": "...", '
            '"version": "..."}.'
        )
    version = ExportVersion(*(asked[name] for name in names))
    return Request(version, str(event["execution"]), replay=asked.get("replay") is True)


def _register(event: Event, ports: Ports) -> dict[str, Any]:
    return pipeline.register_version(_request(event), ports)


def _acquire(event: Event, ports: Ports) -> dict[str, Any]:
    return pipeline.acquire_lock(_request(event), ports)


def _renew(event: Event, ports: Ports) -> dict[str, Any]:
    return pipeline.renew_lock(Claim.from_message(event["claim"]), ports)


def _finish(event: Event, ports: Ports) -> dict[str, Any]:
    counts = event.get("delta", {}).get("counts", {})
    return pipeline.finish_version(_request(event), Claim.from_message(event["claim"]), counts, ports)


def _fail(event: Event, ports: Ports) -> dict[str, Any]:
    return pipeline.fail_version(_request(event), _cause(event.get("error", {})), ports)


def _cause(error: Mapping[str, str]) -> str:
    """Return the error's name and message; Lambda tells the latter in JSON."""
    cause = error.get("Cause", "")
    with contextlib.suppress(ValueError, KeyError, TypeError):
        cause = json.loads(cause)["errorMessage"]
    return f"{error.get('Error', 'an unnamed error')}: {cause}"


ACTIONS: Mapping[str, Callable[[Event, Ports], dict[str, Any]]] = {
    "register": _register,
    "acquire": _acquire,
    "renew": _renew,
    "finish": _finish,
    "fail": _fail,
}
