"""Refuses, after the first seconds, a file that cannot be read to its end in the time that is left."""

import time
from collections.abc import Callable, Generator, Iterable

from utils.deadline import Seconds
from utils.errors import FileTooLargeError

TRIAL_SECONDS = 10.0  # of reading before its speed is believed
RESERVE = 20.0  # seconds for the commit, and for telling what happened


def paced(
    blocks: Iterable[bytes], size: int, left: Seconds, now: Callable[[], float] = time.monotonic
) -> Generator[bytes]:
    """Yield the blocks as long as the rest of `size` bytes can arrive in time; the taker's pace counts too."""
    begun, done = now(), 0
    for block in blocks:
        passed = now() - begun
        if passed > TRIAL_SECONDS:
            _check(done, size, passed, left())
        yield block
        done += len(block)


def _check(done: int, size: int, passed: float, left: float) -> None:
    speed = done / passed
    needed = max(size - done, 0) / speed if speed else float("inf")
    if needed + RESERVE <= left:
        return
    fits = int(speed * max(passed + left - RESERVE, 0)) // 1_000_000
    raise FileTooLargeError(
        f"The file's {size:,} bytes cannot be loaded in time: at {speed / 1e6:.1f} MB/s the rest needs "
        f"{needed:,.0f} s, and {max(left - RESERVE, 0):,.0f} s are left. Split it into files of at most {fits:,} MB, "
        "or load it from another host with `starlift files load`.",
        bytes=size,
    )
