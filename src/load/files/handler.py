"""The file drop Lambda: load the files that a batch of messages names, each message by itself."""

import logging
import os
from collections.abc import Callable
from functools import partial
from typing import Any

from load.files.dead_letters import DeadLetterQueue
from load.files.events import Message
from load.files.pipeline import load_file
from load.files.ports import Ports
from load.files.wiring import Config, open_lambda_ports, open_queue
from utils import log
from utils.deadline import lambda_seconds
from utils.errors import PipelineError, UnroutableError

log.configure("file_drop")
logger = logging.getLogger(__name__)

LEAST_SECONDS = 30.0  # with less left a file is better begun by the next invocation


@log.logs_failures
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Load what the messages name, and answer which of them are to come again."""
    log.bind(request_id=getattr(context, "aws_request_id", ""))
    config, left = Config.from_env(os.environ), lambda_seconds(context)
    ports, queue = open_lambda_ports(config, left), open_queue(config)
    messages = sorted(map(Message.of, event["Records"]), key=_size)  # the largest last: it cannot take others' time
    again = [message.id for message in messages if not _settle(message, ports, queue, config.max_receives)]
    return {"batchItemFailures": [{"itemIdentifier": found} for found in again]}


def _size(message: Message) -> int:
    try:
        return sum(dropped.bytes for dropped in message.files())
    except UnroutableError:
        return 0


def _settle(message: Message, ports: Ports, queue: DeadLetterQueue, max_receives: int) -> bool:
    """Load a message's files, or put it aside for a person; False leaves it for a retry."""
    if ports.seconds_left() < LEAST_SECONDS:
        logger.warning("message left for want of time", extra={"message_id": message.id})
        return False
    errors = _load_files(message, ports)
    if not errors:
        return True
    is_over = message.receives >= max_receives or all(isinstance(error, UnroutableError) for error in errors)
    return is_over and _put_aside(message, errors[0], queue)


def _load_files(message: Message, ports: Ports) -> list[Exception]:
    """Load every file of the message, and return what went wrong: no file keeps another one out."""
    errors: list[Exception] = []
    try:
        for dropped in message.files():
            _collect(errors, partial(load_file, dropped, ports))
    except UnroutableError as error:
        errors.append(error)
        _tell(error, "message not understood")
    return errors


def _collect(errors: list[Exception], load: Callable[[], object]) -> None:
    try:
        load()
    except Exception as error:  # noqa: BLE001 - an unknown error is one file's too, and must not keep the others out
        errors.append(error)
        _tell(error, "file not loaded")


def _put_aside(message: Message, error: Exception, queue: DeadLetterQueue) -> bool:
    try:
        queue.send(message, error)
    except PipelineError as failure:
        _tell(failure, "message not put aside")  # left, it goes there by the queue's own redrive
        return False
    extra = {"message_id": message.id, "error_type": type(error).__name__, "error": str(error)}
    logger.critical("message put aside", extra=extra)
    return True


def _tell(error: Exception, message: str) -> None:
    fields = error.fields if isinstance(error, PipelineError) else {}
    extra = {"error_type": type(error).__name__, "error": str(error), "fields": {**fields}}
    logger.warning(message, exc_info=not isinstance(error, PipelineError), extra=extra)
