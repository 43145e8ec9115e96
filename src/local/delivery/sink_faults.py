"""What the reference endpoint is told to do wrong, and to which POSTs."""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from utils.errors import ConfigurationError


class Cut(StrEnum):
    """When the connection ends without a whole answer."""

    NEVER = "never"
    UNSTORED = "unstored"  # the POST was read, and nothing was kept of it
    STORED = "stored"  # its records were kept
    ANSWERING = "answering"  # its records were kept, and half of the answer's head was sent


FORM = (
    "status is 0, or 300 to 599 without 304; delay is 0 to 3600 seconds; times is a whole number from 0 up, "
    "each from 1 up; retry_after and location are texts of one line."
)


def _is_whole(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _is_line(value: Any) -> bool:
    return isinstance(value, str) and value.isprintable() and value.isascii()


# No 2xx: it would say that records are safe of which nothing was kept. A 304 has no body.
STATUSES = {0, *range(300, 600)} - {304}
RULES: Mapping[str, Callable[[Any], bool]] = MappingProxyType(
    {
        "status": lambda value: _is_whole(value, 0) and value in STATUSES,
        "delay": lambda value: isinstance(value, int | float) and 0 <= value <= 3600,
        "times": lambda value: _is_whole(value, 0),
        "each": lambda value: _is_whole(value, 1),
        "retry_after": _is_line,
        "location": _is_line,
    }
)


@dataclass(frozen=True)
class Fault:
    """One way to go wrong, for the next `times` POSTs, or of more of them each n-th; 0 times means for good."""

    status: int = 0  # answered in place of the true one, with nothing stored; 0: the true one
    retry_after: str = ""  # seconds or an HTTP date
    location: str = ""  # where a redirect leads
    delay: float = 0.0  # seconds before the answer, once the records are stored
    cut: Cut = Cut.NEVER
    times: int = 1
    each: int = 1

    def __post_init__(self) -> None:
        """Refuse what would break the sink later instead of going wrong as told."""
        wrong = [name for name, is_right in RULES.items() if not is_right(getattr(self, name))]
        if wrong:
            raise ConfigurationError(f"A fault has a wrong {wrong[0]}, {getattr(self, wrong[0])!r}. {FORM}")

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "Fault":
        """Read a fault from JSON, or raise ConfigurationError."""
        known = {one.name for one in fields(cls)}
        try:
            return cls(**{**record, "cut": Cut(record.get("cut", Cut.NEVER))})
        except (TypeError, ValueError) as error:
            raise ConfigurationError(f"{record!r} is no fault. It may have {', '.join(sorted(known))}.") from error


NO_FAULT = Fault()


class Faults:
    """Those that are still to happen, one after the other."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._lock = threading.Lock()
        self._turn = 0
        self.set(faults)

    def set(self, faults: Iterable[Fault]) -> None:
        """Forget what was still to happen, and let this happen instead."""
        with self._lock:
            self._faults, self._turn = list(faults), 0

    def take(self) -> Fault:
        """Return what is to happen to this POST."""
        with self._lock:
            if not self._faults:
                return NO_FAULT
            first, self._turn = self._faults[0], self._turn + 1
            if self._turn % first.each:
                return NO_FAULT
            if first.times == 1:
                del self._faults[0]
            elif first.times:
                self._faults[0] = replace(first, times=first.times - 1)
            return first
