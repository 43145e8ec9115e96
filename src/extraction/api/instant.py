"""A record's timestamp: ISO 8601 with its offset, to the nanosecond, held in UTC."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

FORM = "a date, T, a time with seconds, and Z or an offset, such as 2024-05-17T09:30:00.125Z"
# [0-9] and not \d, which knows other scripts' digits too.
ISO_8601 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9})0*)?"
    r"(?:[Zz]|([+-])([0-9]{2}):?([0-9]{2}))"
)


@dataclass(frozen=True)
class Instant:
    """A moment in UTC; nanoseconds apart, because Python's datetime ends at microseconds."""

    second: datetime
    nanoseconds: int = 0

    @classmethod
    def at(cls, moment: datetime) -> "Instant":
        """Return a datetime that has a zone as an instant."""
        moment = moment.astimezone(UTC)
        return cls(moment.replace(microsecond=0), moment.microsecond * 1000)

    @property
    def moment(self) -> datetime:
        """The instant to the microsecond."""
        return self.second.replace(microsecond=self.nanoseconds // 1000)

    def __str__(self) -> str:
        """The one way in which the instant is stored: of equal length, so that texts compare as moments do."""
        return f"{self.second:%Y-%m-%dT%H:%M:%S}.{self.nanoseconds:09d}Z"


def read_instant(text: str) -> Instant:
    """Return the instant that a timestamp means, or raise ValueError that tells what it must be."""
    found = ISO_8601.fullmatch(text)
    if found is None:
        raise ValueError(f"must be {FORM}")
    day, time, fraction, sign, hours, minutes = found.groups()
    if time.endswith(":60"):
        raise ValueError("is a leap second, which the stores behind do not know; send the second before or after it")
    try:
        offset = _offset(sign, hours, minutes)
        local = datetime.fromisoformat(f"{day}T{time}").replace(tzinfo=offset)
        return Instant(local.astimezone(UTC), int((fraction or "").ljust(9, "0")))
    except (ValueError, OverflowError) as error:
        raise ValueError("is no moment of the calendar") from error


def _offset(sign: str | None, hours: str | None, minutes: str | None) -> timezone:
    if sign is None:
        return UTC
    if int(hours or 0) > 23 or int(minutes or 0) > 59:
        raise ValueError(f"{hours}:{minutes} is no offset")
    ahead = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    return timezone(ahead if sign == "+" else -ahead)
