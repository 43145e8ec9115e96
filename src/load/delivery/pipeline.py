"""Delivering: the records of each message to the endpoint, each once as far as HTTP allows."""

import contextlib
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from load.delivery.answers import Verdict, may_be_one_record
from load.delivery.batches import Batch, split
from load.delivery.messages import Message, Parcel
from load.delivery.ports import Ports
from load.delivery.posting import Posted, has_time, post
from utils.delivered.ledger import Claim, Outcome
from utils.delivery_project import DAY_SECONDS
from utils.errors import MessageExpiringError, MessageRefusedError, PipelineError, ServiceUnavailableError

MAX_FAILURES = 2  # batches in a row that found the endpoint down; each was tried several times
MAX_REFUSALS = 10  # records in a row; then it is no longer about records
LONGEST_WORK = 900  # seconds that a function may live
SKEW_SECONDS = 60  # how far the clocks of two workers may be apart
# The queue forgets a message after seven days, wherever that leaves its records. A backlog before a dead endpoint can
# take a message most of a day to show again.
LONGEST_WAIT_DAYS = 6
EXPIRING = (
    f"The message was not delivered for {LONGEST_WAIT_DAYS} days, and the queue keeps it for seven. "
    "Send it back once the endpoint takes records again."
)

logger = logging.getLogger(__name__)


def deliver(messages: Iterable[Message], ports: Ports) -> list[str]:
    """Deliver what the messages bring, and return the ids of those that must come again.

    A record is claimed, posted, and settled in the ledger once the endpoint has answered for it, in that order. A
    crash before the POST leaves a claim, which lapses; one between POST and ledger means a second POST with the
    same ids and the same key, and that is all that HTTP leaves open: the endpoint takes it as the first. What
    cannot be delivered stays in its message, and what was delivered is left out when the message comes again.
    """
    work = _Work(ports, _claim(ports))
    left = [message.id for message in messages if not (work.deliver(message) or work.save_old(message))]
    extra = {"delivered": work.delivered, "refused": work.refused, "known": work.known, "messages_left": len(left)}
    logger.info("messages delivered", extra=extra)
    return left


def _claim(ports: Ports) -> Claim:
    """Return a claim that lapses only when its worker can no longer be alive."""
    return Claim(ports.worker, int(ports.clock() + min(ports.seconds_left(), LONGEST_WORK) + SKEW_SECONDS))


@dataclass
class _Work:
    """One invocation: what it has seen of the endpoint decides whether it goes on."""

    ports: Ports
    claim: Claim
    delivered: int = 0
    refused: int = 0
    known: int = 0  # settled before
    failures: int = 0  # in a row
    refusals: int = 0  # in a row
    is_over: bool = False

    def deliver(self, message: Message) -> bool:
        """Deliver a message's records, and tell whether nothing of it is left to do."""
        if self.is_over:
            return False
        try:
            return self._deliver_parcel(message.parcel())
        except MessageRefusedError as error:
            return self._put_aside(message, error)

    def save_old(self, message: Message) -> bool:
        """Put a message aside that the queue would soon forget, and tell whether it is."""
        if self.ports.clock() - message.sent < LONGEST_WAIT_DAYS * DAY_SECONDS:
            return False
        return self._put_aside(message, MessageExpiringError(EXPIRING))

    def _deliver_parcel(self, parcel: Parcel) -> bool:
        with self._claimed(parcel) as mine:
            others = parcel.ids - mine
            elsewhere = others - self.ports.ledger.settled(others) if others else set()
            self.known += len(others) - len(elsewhere)
            # Split before what is settled is left out, so that a retry posts the same batches under the same keys.
            for batch in split(parcel.records, self.ports.limits, parcel.refusals):
                self._deliver_batch(batch.only(mine), mine)
            return not mine and not elsewhere

    @contextlib.contextmanager
    def _claimed(self, parcel: Parcel) -> Iterator[set[str]]:
        """Claim the records that nobody has settled or works on; those still in the set at the end are given back."""
        ledger = self.ports.ledger
        mine = ledger.claim(parcel.ids, self.claim, again=parcel.refusals > 0)
        try:
            yield mine
        finally:
            if mine and parcel.refusals:
                ledger.settle(mine, Outcome.REFUSED)  # as they were; only a replay may try them
            elif mine:
                ledger.release(mine, self.claim)

    def _deliver_batch(self, batch: Batch, mine: set[str]) -> None:
        """Post a batch; where it is refused, or fails, its halves, until that is one record's.

        What fails is not told from an endpoint that is down, so the end comes after as many failures in a row. The
        halves of what fails are of chance: another time others come together.
        """
        waiting = [batch] if batch.records else []
        while waiting and not self.is_over:
            if not has_time(self.ports):
                self._end("no time is left", batch)
                return
            part = waiting.pop()
            posted = post(part, self.ports)
            if posted.verdict is Verdict.REFUSED and len(part.records) > 1:
                waiting += reversed(part.halves())
            elif self._settle(part, posted):
                mine.difference_update(part.ids)
            elif may_be_one_record(posted.answer.status) and len(part.records) > 1:
                waiting += part.shuffled(self.ports.uniform).halves()

    def _settle(self, batch: Batch, posted: Posted) -> bool:
        """Note what became of a batch, and tell whether it is settled."""
        if posted.verdict is Verdict.TAKEN:
            self.ports.ledger.settle(batch.ids, Outcome.DELIVERED)
            self.delivered, self.failures, self.refusals = self.delivered + len(batch.records), 0, 0
            return True
        if posted.verdict is Verdict.REFUSED:
            return self._refuse(batch, posted)
        if posted.verdict is Verdict.AGAIN:
            self._note_failure(batch, posted)
        else:
            self._alarm("endpoint closed", batch, posted)
            self._end("the endpoint refuses us", batch)
        return False

    def _refuse(self, batch: Batch, posted: Posted) -> bool:
        """Put a record aside: first where a person finds it, then in the ledger."""
        if self.refusals == MAX_REFUSALS:
            self._alarm("too many records refused", batch, posted)
            self._end("the endpoint refuses one record after the other", batch)
            return False
        try:
            self.ports.dead_letters.send_record(batch.records[0], posted.answer, batch.refusals + 1)
        except ServiceUnavailableError as error:
            _tell("record not put aside", error)
            return False
        self.ports.ledger.settle(batch.ids, Outcome.REFUSED)
        self.refused, self.refusals = self.refused + 1, self.refusals + 1
        self._alarm("record refused", batch, posted)
        return True

    def _note_failure(self, batch: Batch, posted: Posted) -> None:
        self.failures += 1
        extra = {"endpoint": self.ports.endpoint.origin, "status": posted.answer.status, "records": len(batch.records)}
        logger.warning("batch not delivered", extra={**extra, "key": batch.key, "reason": posted.answer.failure})
        if posted.wants_rest or self.failures == MAX_FAILURES:
            self._end("the endpoint is down, or asked for a pause", batch)

    def _put_aside(self, message: Message, error: PipelineError) -> bool:
        try:
            self.ports.dead_letters.send_message(message, error)
        except ServiceUnavailableError as failure:
            _tell("message not put aside", failure)
            return False
        logger.critical("message put aside", extra={"message_id": message.id, "error": str(error)})
        return True

    def _alarm(self, sentence: str, batch: Batch, posted: Posted) -> None:
        """Tell a person, by id and status; the answer's text may repeat records."""
        extra = {"endpoint": self.ports.endpoint.origin, "status": posted.answer.status, "first_id": batch.ids[0]}
        logger.critical(sentence, extra=extra)

    def _end(self, reason: str, batch: Batch) -> None:
        """Leave the rest, untried, for a later invocation."""
        self.is_over = True
        logger.warning("rest left for later", extra={"reason": reason, "key": batch.key})


def _tell(sentence: str, error: PipelineError) -> None:
    extra = {"error_type": type(error).__name__, "error": str(error)}
    logger.warning(sentence, extra=extra)
