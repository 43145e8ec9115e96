"""One batch, posted until the endpoint takes or refuses it, or as long as there is time."""

import logging
from dataclasses import dataclass

from load.delivery.answers import LONGEST_ASKED, Answer, Verdict, asked_pause, backoff, judge
from load.delivery.batches import Batch
from load.delivery.ports import Ports

ATTEMPTS = 4  # with the pauses between them about as long as a restart of the endpoint
RESERVE_SECONDS = 10.0  # of the function's time, for the ledger and the answer

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Posted:
    """What became of a batch."""

    verdict: Verdict
    answer: Answer
    wants_rest: bool = False  # the endpoint asked for a longer pause than can be waited for


def has_time(ports: Ports, pause: float = 0.0) -> bool:
    """Tell whether a POST, after a pause, would end before the function must answer."""
    return ports.seconds_left() > pause + ports.endpoint.total_seconds + RESERVE_SECONDS


def post(batch: Batch, ports: Ports) -> Posted:
    """Post a batch, each time under the same key, until the answer is final or no attempt is left."""
    body, key = batch.body, batch.key
    for attempt in range(1, ATTEMPTS + 1):
        answer = ports.endpoint.post(body, key)
        verdict = judge(answer.status)
        _tell(answer, key, attempt)
        if verdict is not Verdict.AGAIN:
            return Posted(verdict, answer)
        asked = asked_pause(answer.retry_after, ports.clock())
        pause = max(asked, backoff(attempt, ports.uniform))
        if asked > LONGEST_ASKED or not has_time(ports, pause):
            return Posted(verdict, answer, wants_rest=asked > 0)
        if attempt < ATTEMPTS:
            ports.pause(pause)
    return Posted(verdict, answer)


def _tell(answer: Answer, key: str, attempt: int) -> None:
    """Log an answer by its status."""
    extra = {"status": answer.status, "key": key, "attempt": attempt, "reason": answer.failure}
    logger.info("batch posted", extra=extra)
