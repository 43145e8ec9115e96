"""Where a batch's files rest in the landing store: a function of the run, never of the clock."""

from datetime import UTC, datetime
from urllib.parse import quote


def data_key(table: str, started_at: datetime, token: str, role: str) -> str:
    """Return the key of one table's file; the token, new at each attempt, keeps two attempts apart."""
    name, at = quote(table, safe=""), started_at.astimezone(UTC)
    stamp = f"{at:%Y%m%dT%H%M%S}{at.microsecond // 1000:03d}"
    suffix = "" if role == "changed" else f"-{role}"
    return f"{name}/{at:%Y/%m/%d/%H-%M}/{name}-{stamp}-{token}{suffix}.csv"
