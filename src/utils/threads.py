"""Calls of AWS several at a time."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

WORKERS = 8  # threads; boto3 keeps ten connections

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Return what the work gives for each item, in order.

    The first is done before any thread starts: boto3 must not make its client in two of them at once.
    """
    first, rest = [work(item) for item in items[:1]], items[1:]
    if not rest:
        return first
    with ThreadPoolExecutor(min(WORKERS, len(rest))) as pool:
        return [*first, *pool.map(work, rest)]
