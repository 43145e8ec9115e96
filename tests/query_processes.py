"""Runs of the query in processes of their own, which a signal ends at a side effect as it would at any moment."""

import os
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from tests.ingest_factories import SENSORS
from tests.processes import CONTEXT, Blow, Child, start_work
from tests.query_factories import World
from tests.side_effects import Reached, WatchedPort
from transformation.query import pipeline, queue
from utils.delivery_project import read_delivery
from utils.folder_store import FolderStore

CONTEXT.set_forkserver_preload(["tests.delivery_processes", "tests.query_processes"])

EFFECTS = {"send_message_batch": "messages", "create": "note", "put": "mark"}
MESSAGE_BYTES = 700  # two records or three


@dataclass(frozen=True)
class Task:
    """What a run is given: where it works."""

    lake: Path
    athena: str
    services: str
    queue: str
    ledger: str


def start_query(task: Task, notes: Path, blow: Blow) -> Child:
    """Start a run of the query."""
    return start_work(_query, (task,), notes, blow)


def _query(task: Task, reached: Reached) -> None:
    os.environ["AWS_ENDPOINT_URL_ATHENA"] = task.athena
    world = World(
        FolderStore(task.lake), read_delivery(SENSORS), None, task.athena, task.services, task.queue, task.ledger
    )
    ports = world.ports()
    queue.CALL_MESSAGES = 1  # and small messages, so that a run of a few records has many steps
    pipeline.pack = partial(pipeline.pack, limit=MESSAGE_BYTES)
    watched = WatchedPort(ports.queue.client, reached, EFFECTS)
    world.run(queue=replace(ports.queue, client=watched), store=WatchedPort(ports.store, reached, EFFECTS))
