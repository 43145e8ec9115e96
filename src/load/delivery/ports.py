"""What delivering needs from outside."""

import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from load.delivery.answers import Answer
from load.delivery.batches import Record
from load.delivery.messages import Message
from utils.deadline import Seconds, no_limit
from utils.delivered.ledger import Clock, DeliveryLedger
from utils.delivery_project import DeliveryLimits
from utils.errors import PipelineError


class Poster(Protocol):
    """Posts to the endpoint."""

    @property
    def origin(self) -> str:
        """Where to, as it may be shown."""
        ...

    @property
    def total_seconds(self) -> float:
        """The longest that a POST may take."""
        ...

    def post(self, body: bytes, key: str) -> Answer:
        """Post a batch once, and return the answer; status 0 where there was none."""
        ...


class DeadLetters(Protocol):
    """Takes what no retry will mend, for a person; raises ServiceUnavailableError if it cannot."""

    def send_record(self, record: Record, answer: Answer, times: int) -> None:
        """Put a record aside that the endpoint has now refused so many times."""
        ...

    def send_message(self, message: Message, error: PipelineError) -> None:
        """Put a copy of a message aside."""
        ...


@dataclass(frozen=True)
class Ports:
    """The endpoint, the ledger, the dead-letter queue, the limits, and time and chance."""

    endpoint: Poster
    ledger: DeliveryLedger
    dead_letters: DeadLetters
    limits: DeliveryLimits = field(default_factory=DeliveryLimits)
    seconds_left: Seconds = no_limit
    clock: Clock = time.time
    pause: Callable[[float], None] = time.sleep
    uniform: Callable[[float, float], float] = random.uniform
    worker: str = field(default_factory=lambda: uuid.uuid4().hex)
