"""Workers in processes of their own, which a signal ends at a side effect as it would at any moment."""

import os
import signal
from dataclasses import dataclass, replace
from pathlib import Path

from load.delivery.messages import Message
from load.delivery.pipeline import deliver
from tests.delivery_factories import Queue, World
from tests.processes import CONTEXT, PATIENCE

CONTEXT.set_forkserver_preload(["tests.side_effects", "tests.delivery_processes"])

EFFECTS = {"claim": "claim", "release": "release", "settle": "settle", "post": "POST", "send_record": "record aside"}


class Watched:
    """A real port whose every side effect is told, before it and after it."""

    def __init__(self, port, reached, effects=EFFECTS):
        self._port = port
        self._reached = reached
        self._effects = effects

    def __getattr__(self, name):
        found = getattr(self._port, name)
        return self._told(found, self._effects[name]) if name in self._effects else found

    def _told(self, effect, name):
        def told(*args, **more):
            self._reached(f"{name}: not begun")
            answer = effect(*args, **more)
            self._reached(f"{name}: done")
            return answer

        return told


@dataclass(frozen=True)
class Task:
    """What a worker is given: where it works, on what, and at which side effect it is killed."""

    url: str
    ledger: str
    queue: str
    endpoint: str  # of the emulated services
    bodies: tuple[str, ...]
    notes: Path
    kill_at: int = 0


def run(task: Task) -> int:
    """Deliver in a process of its own, and return how it ended; a signal's number is negative."""
    process = CONTEXT.Process(target=_deliver, args=(task,))
    process.start()
    process.join(PATIENCE)
    if process.exitcode is None:
        process.kill()
        raise TimeoutError(task.notes.read_text())
    return process.exitcode


def _deliver(task: Task) -> None:
    os.environ["AWS_ENDPOINT_URL"] = task.endpoint
    descriptor = os.open(task.notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    count = 0

    def reached(point: str) -> None:
        nonlocal count
        count += 1
        os.write(descriptor, f"{point}\n".encode())
        if count == task.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    ports = World(sink=None, url=task.url, ledger=task.ledger, queue=Queue(task.queue)).ports()
    watched = replace(
        ports,
        endpoint=Watched(ports.endpoint, reached),
        ledger=Watched(ports.ledger, reached),
        dead_letters=Watched(ports.dead_letters, reached),
    )
    deliver([Message(str(number), body) for number, body in enumerate(task.bodies)], watched)
