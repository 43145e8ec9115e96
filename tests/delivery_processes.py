"""Workers in processes of their own, which a signal ends at a side effect as it would at any moment."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

from load.delivery.messages import Message
from load.delivery.pipeline import deliver
from tests.delivery_factories import Queue, World
from tests.processes import CONTEXT, Blow, Child, start_work
from tests.side_effects import Reached, WatchedPort

CONTEXT.set_forkserver_preload(["tests.delivery_processes"])

EFFECTS = {"claim": "claim", "release": "release", "settle": "settle", "post": "POST", "send_record": "record aside"}


@dataclass(frozen=True)
class Task:
    """What a worker is given: where it works, and on what."""

    url: str
    ledger: str
    queue: str
    endpoint: str  # of the emulated services
    bodies: tuple[str, ...]


def start_worker(task: Task, notes: Path, blow: Blow) -> Child:
    """Start a worker."""
    return start_work(_deliver, (task,), notes, blow)


def _deliver(task: Task, reached: Reached) -> None:
    os.environ["AWS_ENDPOINT_URL"] = task.endpoint
    ports = World(sink=None, url=task.url, ledger=task.ledger, queue=Queue(task.queue)).ports()
    watched = replace(
        ports,
        endpoint=WatchedPort(ports.endpoint, reached, EFFECTS),
        ledger=WatchedPort(ports.ledger, reached, EFFECTS),
        dead_letters=WatchedPort(ports.dead_letters, reached, EFFECTS),
    )
    deliver([Message(str(number), body) for number, body in enumerate(task.bodies)], watched)
