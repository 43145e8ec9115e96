"""One change of one row, as it goes through the stream."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

Values = Mapping[str, str | None]
"""A row's values by column as text, as PostgreSQL reads them; None is NULL."""


class Operation(StrEnum):
    """What happened to a row between two exports."""

    INSERT = "INSERT"
    UPDATE = "UPDATE"
    DELETE = "DELETE"


@dataclass(frozen=True)
class Change:
    """A row's change; the same export always gives the same changes with the same sequences."""

    op: Operation
    tenant: str
    table: str
    key: Values
    before: Values | None  # of UPDATE and DELETE
    after: Values | None  # of INSERT and UPDATE
    version: str  # the export that shows it
    order: int  # of the version within its series, from 1; grows with every version that succeeded or is tried
    sequence: int  # within the version, from 1, in order of key

    @property
    def idempotency_key(self) -> str:
        """The same for every copy of this change, and for no other."""
        return f"{self.tenant}/{self.table}/{self.version}/{self.sequence}"
