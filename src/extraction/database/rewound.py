"""A primary restored from a copy of its disk: seen once behind the last batch, it is refused until a resync.

Its timeline did not move, and once it has used as many transactions as it lost nothing would tell it from a
source that never was behind. So the first run that sees it leaves a mark.
"""

from extraction.database.snapshot import is_behind
from extraction.database.start import Start
from utils.errors import ObjectMissingError, ResyncNeededError
from utils.manifest import Snapshot
from utils.store import ObjectStore

MARK = "_log/rewound"  # names the batch that only a resync may make; stale once that batch exists


def check_rewound(start: Start, now: Snapshot, store: ObjectStore) -> None:
    """Refuse a primary that is, or once was, behind the batch that this one follows."""
    if start.since and is_behind(start.since, now) and not now.in_recovery:
        store.put(MARK, str(start.number).encode())
    if _marked(store) == start.number:
        raise ResyncNeededError(
            f"The source was found behind batch {start.number - 1} and is no replica: it was restored from a copy of "
            "its disk. Which of its changes are new cannot be told, even once it has caught up; run once with --resync."
        )


def _marked(store: ObjectStore) -> int | None:
    try:
        return int(store.read(MARK))
    except (ObjectMissingError, ValueError):
        return None
