"""Runs of the query in processes of their own, which a signal ends at a side effect as it would at any moment."""

import os
import signal
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from tests.delivery_processes import Watched
from tests.ingest_factories import SENSORS
from tests.processes import CONTEXT, PATIENCE
from tests.query_factories import World
from transformation.query import pipeline, queue
from utils.delivery_project import read_delivery
from utils.folder_store import FolderStore

CONTEXT.set_forkserver_preload(["tests.side_effects", "tests.delivery_processes", "tests.query_processes"])

EFFECTS = {"send_message_batch": "messages", "create": "note", "put": "mark"}
MESSAGE_BYTES = 700  # two records or three


@dataclass(frozen=True)
class Task:
    """What a run is given: where it works, and at which side effect it is killed."""

    lake: Path
    athena: str
    services: str
    queue: str
    ledger: str
    notes: Path
    kill_at: int = 0


def run(task: Task) -> int:
    """Run in a process of its own, and return how it ended; a signal's number is negative."""
    process = CONTEXT.Process(target=_run, args=(task,))
    process.start()
    process.join(PATIENCE)
    if process.exitcode is None:
        process.kill()
        raise TimeoutError(task.notes.read_text())
    return process.exitcode


def _run(task: Task) -> None:
    os.environ["AWS_ENDPOINT_URL_ATHENA"] = task.athena
    descriptor = os.open(task.notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    count = 0

    def reached(point: str) -> None:
        nonlocal count
        count += 1
        os.write(descriptor, f"{point}\n".encode())
        if count == task.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    world = World(
        FolderStore(task.lake), read_delivery(SENSORS), None, task.athena, task.services, task.queue, task.ledger
    )
    ports = world.ports()
    queue.CALL_MESSAGES = 1  # and small messages, so that a run of a few records has many steps
    pipeline.pack = partial(pipeline.pack, limit=MESSAGE_BYTES)
    watched = Watched(ports.queue.client, reached, EFFECTS)
    world.run(queue=replace(ports.queue, client=watched), store=Watched(ports.store, reached, EFFECTS))
