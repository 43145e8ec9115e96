"""What an invocation asks for: the schedule's next window, or a range that a person names."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from transformation.query.window import Window
from utils.delivery_project import MAX_TIME_SECONDS, Value
from utils.errors import ConfigurationError

ASKED = {"from", "until", "again", "parameters"}
SCHEDULES = {"aws.events", "aws.scheduler"}  # who sends an event of their own form, which asks for nothing
FORM = "a date, a time and Z or an offset, such as 2024-05-17T09:00:00Z"


@dataclass(frozen=True)
class Request:
    """A window, or None for the next one; only a window may be asked for otherwise than the project says."""

    window: Window | None = None
    again: bool = False  # also what was queued before, unless the ledger says that it is settled
    parameters: Mapping[str, Value] = field(default_factory=lambda: MappingProxyType({}))


def read_request(event: Mapping[str, Any], declared: Mapping[str, Value]) -> Request:
    """Return what an event asks for, or raise ConfigurationError that says what it may ask."""
    if event.get("source") in SCHEDULES or not event:
        return Request()
    if unknown := sorted(set(event) - ASKED):
        raise ConfigurationError(f"The event asks for {unknown[0]!r}; it may hold {', '.join(sorted(ASKED))}.")
    if not {"from", "until"} <= set(event):
        raise ConfigurationError("An event that asks for anything must say from and until. Without both, send {}.")
    if not isinstance(event.get("again", False), bool):
        raise ConfigurationError("The event's again must be true or false.")
    return Request(_window(event), event.get("again", False), _parameters(event.get("parameters", {}), declared))


def _window(event: Mapping[str, Any]) -> Window:
    window = Window(_moment(event, "from"), _moment(event, "until"))
    if not timedelta(0) < window.end - window.start <= timedelta(seconds=MAX_TIME_SECONDS):
        raise ConfigurationError("The event's from must lie before its until, and at most ten years.")
    return window


def _moment(event: Mapping[str, Any], name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(event[name])
        if moment.tzinfo is None or moment.year < 1970:
            raise ValueError(moment)
        return moment.astimezone(UTC)
    except (ValueError, TypeError, OverflowError) as error:
        raise ConfigurationError(f"The event's {name} must be {FORM}, from 1970 on.") from error


def _parameters(given: Any, declared: Mapping[str, Value]) -> dict[str, Value]:
    if not isinstance(given, dict):
        raise ConfigurationError("The event's parameters must be an object of names and values.")
    return {name: _parameter(name, value, declared) for name, value in given.items()}


def _parameter(name: str, value: Any, declared: Mapping[str, Value]) -> Value:
    if name not in declared:
        known = ", ".join(sorted(declared)) or "none"
        raise ConfigurationError(f"The query has no parameter {name}. Declared are {known}.")
    kind = _kind(declared[name])
    if _kind(value) is not kind:
        raise ConfigurationError(f"The parameter {name} must be a {kind.__name__}, as it is in delivery.toml.")
    result: Value = kind(value)
    return result


def _kind(value: Any) -> type:
    """Return a value's kind; whole numbers are numbers too."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float if is_number else type(value)
