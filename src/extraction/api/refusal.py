"""What is wrong with a POST, told to its sender."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus


@dataclass(frozen=True)
class Reason:
    """One thing that is wrong; never the value, which may be private or large."""

    reason: str
    index: int | None = None  # of the record, from 0; None: the POST as a whole
    field: str | None = None  # None: the record as a whole


class RefusedError(Exception):
    """The POST cannot be accepted, and nothing of it was stored."""

    def __init__(self, message: str, reasons: Sequence[Reason], status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(message)
        self.reasons = tuple(reasons)
        self.status = status


def refuse_post(reason: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> RefusedError:
    """Return the error for a POST that is wrong as a whole."""
    return RefusedError("The POST was refused; nothing was stored.", [Reason(reason)], status)
