"""What the execution that a run belongs to was asked for, beyond what changed."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from utils.errors import ConfigurationError


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_rows(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(keys, list) and all(isinstance(key, dict) for key in keys) for keys in value.values()
    )


FORMS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "resync": (_is_flag, "true or false"),
    "backfill": (_is_list, 'a list of tables, such as ["staff"]'),
    "compare_keys": (_is_list, 'a list of tables, such as ["staff"]'),
    "accept_deletes": (_is_list, 'a list of tables, such as ["staff"]'),
    "rows": (_is_rows, 'lists of keys by table, such as {"staff": [{"staff_id": "7"}]}'),
}

# What AWS itself puts beside the input: its console's example, and the name of an execution that started this one.
NOT_OURS = {"Comment", "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID"}


def read_moment(event: Mapping[str, Any]) -> datetime:
    """Return when the execution began."""
    try:
        return datetime.fromisoformat(event["started_at"])
    except (TypeError, ValueError):
        form = "a time such as 2026-01-01T00:00:00.000Z"
        raise ConfigurationError(f"The event's started_at must be {form}, not {event['started_at']!r}.") from None


def read_request(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the request of an event; raise ConfigurationError rather than run without a part of it."""
    request = event.get("request", {})
    if not isinstance(request, dict):
        raise ConfigurationError(f"The request {request!r} is no JSON object, such as {{}}.")
    asked = {name: value for name, value in request.items() if name not in NOT_OURS}
    for name, value in asked.items():
        _check(name, value)
    return asked


def _check(name: str, value: Any) -> None:
    if name not in FORMS:
        raise ConfigurationError(f"The request asks for {name!r}. A run can be asked for {', '.join(FORMS)}.")
    fits, form = FORMS[name]
    if not fits(value):
        raise ConfigurationError(f"The request's {name} must be {form}, not {value!r}.")
