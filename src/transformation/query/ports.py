"""What the query needs from outside."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from transformation.query.bound import Bound
from transformation.query.messages import Message
from transformation.query.rows import Record
from utils.deadline import Seconds, no_limit
from utils.delivered.ledger import Clock, DeliveryLedger
from utils.delivery_project import DeliveryProject
from utils.store import ObjectStore


class Lake(Protocol):
    """Answers statements over the raw records and the notes."""

    def select(self, statement: Bound) -> Iterator[list[Record]]:
        """Yield a statement's answer page by page."""
        ...


class Queue(Protocol):
    """The way to delivery."""

    def send(self, messages: Iterable[Message]) -> Iterator[Message]:
        """Send messages, and yield each once the queue has it."""
        ...


@dataclass(frozen=True)
class Ports:
    """The project, the lake and its database, the store below it, the ledger, the queue, and time."""

    project: DeliveryProject
    lake: Lake
    database: str
    store: ObjectStore
    ledger: DeliveryLedger
    queue: Queue
    seconds_left: Seconds = no_limit
    clock: Clock = time.time
