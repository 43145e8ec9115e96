"""`make logs`: what the deployed functions and the state machine logged, as sentences, oldest first."""

import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from local.cloud.account import read_outputs
from local.cloud.deployment import Deployment
from local.cloud.terminal import Terminal
from local.narration import narrate
from local.state_machine import Clients
from utils.errors import ConfigurationError

INTERVAL = 5.0  # seconds between two looks, where they are followed
LATE = 60_000  # milliseconds that a line of one group may come after a newer one of another
UNITS = {"m": 60, "h": 3600, "d": 86400}
STYLES = {"CRITICAL": "bold red", "ERROR": "red", "WARNING": "yellow"}
ORIGINS = {"run_id": "run", "key": "file"}
OF_LAMBDA = re.compile(r"(INIT_START|START|END|REPORT|XRAY) ")  # lines of the platform about itself


@dataclass
class Tail:
    """The log groups, read from where the last look ended."""

    aws: Clients
    groups: Mapping[str, str]  # by what they are of
    since: int  # milliseconds
    told: set[str] = field(default_factory=set)

    def look(self) -> list[tuple[int, str, str]]:
        """Return what is new, as time, group and line."""
        found = sorted(line for name, group in self.groups.items() for line in self._read(name, group))
        self.since = max([self.since, *(moment - LATE for moment, _, _ in found)])
        return found

    def _read(self, name: str, group: str) -> Iterator[tuple[int, str, str]]:
        pages = self.aws.client("logs").get_paginator("filter_log_events")
        for page in pages.paginate(logGroupName=group, startTime=self.since):
            for event in page["events"]:
                if event["eventId"] not in self.told:
                    self.told.add(event["eventId"])
                    yield event["timestamp"], name, event["message"].rstrip()


def show_logs(deployment: Deployment, terminal: Terminal, since: str, follows: bool) -> None:
    """Print what was logged since then, and go on if asked to."""
    seconds = parse_age(since)
    account, outputs = read_outputs(deployment)
    tail = Tail(account, outputs["log_group_names"], int((time.time() - seconds) * 1000))
    while True:
        found = tail.look()
        for moment, name, line in found:
            _tell(terminal, moment, name, line)
        if not follows:
            break
        time.sleep(INTERVAL)
    if not tail.told:
        terminal.say(f"Nothing was logged since {since} ago.")


def parse_age(text: str) -> int:
    """Return the seconds that 30m, 2h or 1d are."""
    found = re.fullmatch(r"(\d+)([mhd])", text)
    if not found:
        raise ConfigurationError(f"SINCE={text} is not an age such as 30m, 2h or 1d.")
    return int(found[1]) * UNITS[found[2]]


def _tell(terminal: Terminal, moment: int, name: str, line: str) -> None:
    if OF_LAMBDA.match(line):
        return
    told, level = _sentence(line)
    when = datetime.fromtimestamp(moment / 1000, UTC)
    terminal.say(f"{when:%H:%M:%S} {name:<15} {told}", STYLES.get(level, ""))


def _sentence(line: str) -> tuple[str, str]:
    """Return a log line as a person reads it, and its level."""
    try:
        fields: dict[str, Any] = json.loads(line)
        message, level = str(fields["message"]), str(fields.get("level", ""))
    except (ValueError, KeyError, TypeError):
        return line, ""
    told = narrate(message, fields) or f"{message} {fields.get('error_type', '')} {fields.get('error', '')}"
    return f"{told.strip()}{_origin(fields)}", level


def _origin(fields: Mapping[str, Any]) -> str:
    """Tell which run or which dropped file a line is of."""
    return next((f" ({what} {fields[name]})" for name, what in ORIGINS.items() if fields.get(name)), "")
