"""How long a stage may still work before it must answer."""

import time
from collections.abc import Callable
from typing import Any

RESERVE = 60.0  # seconds kept for a batch as long as the longest so far plus the answer itself

Deadline = Callable[[float], bool]
"""Given the seconds that the longest batch took, tell whether another one still fits."""


Seconds = Callable[[], float]
"""Tells how many seconds are left to work."""


def no_limit() -> float:
    """Say that there is all the time in the world."""
    return float("inf")


def lambda_seconds(context: Any) -> Seconds:
    """Return what tells the seconds that the Lambda's context leaves."""
    return lambda: float(context.get_remaining_time_in_millis()) / 1000


def no_deadline(_longest: float) -> bool:
    """Say that another batch always fits: a host that is not a Lambda may take its time."""
    return True


def lambda_deadline(context: Any) -> Deadline:
    """Return the deadline that the Lambda's context sets."""

    def fits(longest: float) -> bool:
        return float(context.get_remaining_time_in_millis()) / 1000 > max(RESERVE, 2 * longest)

    return fits


class Stopwatch:
    """Keeps the longest of several laps, in seconds."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._begun = time.monotonic()

    def lap(self) -> float:
        """End a lap, start the next, and return how long it was."""
        now = time.monotonic()
        length, self._begun = now - self._begun, now
        self.longest = max(self.longest, length)
        return length
