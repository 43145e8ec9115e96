"""What an endpoint answered, and what follows from it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import Enum, auto

BUSY = frozenset({408, 425, 429})  # a client's errors by number, and the server's by meaning
# What any other batch would be answered as well: who posts, where and in which form, not what. The rest of 4xx may be
# about one record.
ABOUT_US = frozenset({401, 402, 403, 404, 405, 406, 407, 410, 411, 415, 417, 421, 426, 428, 431, 451})
BASE_SECONDS = 0.5  # of the first pause, at most; it doubles
LONGEST_BACKOFF = 20.0
LONGEST_ASKED = 60.0  # a longer Retry-After is not waited for: the messages come again later


class Verdict(Enum):
    """What follows from an answer."""

    TAKEN = auto()  # all records are the endpoint's
    AGAIN = auto()  # the same POST may be taken later
    REFUSED = auto()  # a record of the batch will never be taken
    CLOSED = auto()  # nothing will be taken until a person looks


@dataclass(frozen=True)
class Answer:
    """An answer's status and how it begins; status 0 where there was none, and why."""

    status: int
    text: str = ""
    retry_after: str = ""

    @property
    def failure(self) -> str:
        """Return why there was no answer; the text of one may repeat records, and is not for logs."""
        return "" if self.status else self.text


def judge(status: int) -> Verdict:
    """Return what follows from a status; no body is looked at, whatever the status."""
    if 200 <= status < 300:
        return Verdict.TAKEN
    if status == 0 or status in BUSY or status >= 500:
        return Verdict.AGAIN
    if 400 <= status < 500 and status not in ABOUT_US:
        return Verdict.REFUSED
    return Verdict.CLOSED  # redirects too: they could lead anywhere


def may_be_one_record(status: int) -> bool:
    """Tell whether a failure may be about one of the records: the endpoint does not say that it is only busy."""
    return status == 0 or (status >= 500 and status != 503)


def asked_pause(retry_after: str, now: float) -> float:
    """Return the seconds that a Retry-After asks for, as a number or as an HTTP date; 0 if it says nothing."""
    text = retry_after.strip()
    if text.isdecimal() and text.isascii():
        return float(text[:12])  # more digits are no time that anybody waits for
    try:
        moment = parsedate_to_datetime(text)
        return max(0.0, (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now)
    except (ValueError, TypeError, OverflowError, IndexError):
        return 0.0


def backoff(attempt: int, uniform: Callable[[float, float], float]) -> float:
    """Return the pause after the n-th attempt, from 1: anything up to a bound that doubles (full jitter)."""
    return uniform(0.0, min(LONGEST_BACKOFF, BASE_SECONDS * 2 ** (attempt - 1)))
