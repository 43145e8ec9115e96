"""`make torture`: new random histories until the time is over; a failure tells how to play it again."""

import random
import sys
import tempfile
import time
from pathlib import Path

import pg8000.native
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from local.postgres.embedded import EmbeddedPostgres, embedded_postgres
from tests.histories import Histories
from tests.history_shop import Shop, make_shop

HISTORIES = 20  # between two reports
SETTINGS = {"fsync": "off", "max_prepared_transactions": "20"}
LONG = settings(
    max_examples=HISTORIES,
    stateful_step_count=60,
    deadline=None,
    database=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)


def make_databases(server: EmbeddedPostgres) -> list[str]:
    """Create a source and a warehouse, and return their addresses."""
    with pg8000.native.Connection("postgres", "127.0.0.1", "postgres", server.port) as connection:
        for name in ("source", "warehouse"):
            connection.run(f"CREATE DATABASE {name}")
    return [server.url("source"), server.url("warehouse")]


def torture(shop: Shop, minutes: float, first: int | None) -> None:
    """Try histories, telling each round's seed before it and the whole count after it."""
    until, number = time.monotonic() + 60 * minutes, first
    while number is None or time.monotonic() < until:
        number = first or random.randrange(2**32)
        print(f"seed {number}: {HISTORIES} histories (again: make torture SEED={number})", flush=True)
        machine = type("History", (Histories,), {"shop": shop})
        run_state_machine_as_test(seed(number)(machine), settings=LONG)
        print(
            "  so far", ", ".join(f"{count:,} {what}" for what, count in sorted(shop.tally.counts.items())), flush=True
        )
        if first:
            return


if __name__ == "__main__":
    with embedded_postgres(settings=SETTINGS) as running, tempfile.TemporaryDirectory() as folder:
        seeds = [int(text) for text in sys.argv[2:]]
        torture(make_shop(Path(folder), *make_databases(running)), float(sys.argv[1]), next(iter(seeds), None))
