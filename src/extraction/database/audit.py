"""What every run tells of its own completeness: how far the horizon lies behind, and since when."""

from dataclasses import dataclass, replace
from datetime import datetime

from utils.manifest import Snapshot


@dataclass(frozen=True)
class Audit:
    """How far back the next run must look because a transaction is still open; zero when none is."""

    horizon_age_seconds: float
    horizon_transactions_behind: int


def held_since(previous: Snapshot | None, now: Snapshot) -> Snapshot:
    """Return the snapshot with the time since which, at least, its horizon is held back.

    A role that may only SELECT is not told when another's transaction began; but one that an earlier snapshot
    saw open is at least as old as that.
    """
    if previous is None or now.horizon >= previous.next_xid:
        return now
    known = previous.horizon_held_since if now.horizon == previous.horizon else None
    return replace(now, horizon_held_since=known or previous.taken_at)


def audit(snapshot: Snapshot) -> Audit:
    """Return the audit of a snapshot that knows since when its horizon is held back."""
    since, now = snapshot.horizon_held_since or snapshot.taken_at, snapshot.taken_at
    age = (datetime.fromisoformat(now) - datetime.fromisoformat(since)).total_seconds()
    return Audit(max(0.0, age), snapshot.next_xid - snapshot.horizon)
