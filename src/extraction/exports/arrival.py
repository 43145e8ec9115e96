"""What a notification from the exports bucket means: which objects arrived, and which executions they start."""

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from extraction.exports.ports import ArrivalPorts
from extraction.exports.versions import declared, parse_key
from utils.errors import ExportRefusedError, RetryableError, TerminalError
from utils.export_files import check_file, is_data, list_files

logger = logging.getLogger(__name__)

SUBJECT = "Starlift: an export was refused"


@dataclass(frozen=True)
class Message:
    """One message and the objects that it tells of; `id` is SQS's, empty where nothing comes back one by one."""

    id: str
    keys: tuple[str, ...]


def read_event(event: Mapping[str, Any]) -> list[Message]:
    """Return what an event of S3, of EventBridge, or a batch of either from SQS tells of."""
    records = event.get("Records")
    if isinstance(records, list) and records and records[0].get("eventSource") == "aws:sqs":
        return [Message(record["messageId"], tuple(_keys_of_text(record["body"]))) for record in records]
    return [Message("", tuple(_keys(event)))]


def _keys_of_text(body: str) -> Iterator[str]:
    try:
        event = json.loads(body)
    except ValueError:
        event = None
    yield from _keys(event if isinstance(event, dict) else {"detail": None})


def _keys(event: Mapping[str, Any]) -> Iterator[str]:
    if event.get("Event") == "s3:TestEvent":  # S3 sends one when the notification is set up
        return
    try:
        if "detail" in event:
            yield event["detail"]["object"]["key"]  # EventBridge tells keys as they are
            return
        for record in event["Records"]:
            if record["eventName"].startswith("ObjectCreated"):
                yield unquote_plus(record["s3"]["object"]["key"])  # S3 itself encodes them, a space as +
    except (KeyError, TypeError, AttributeError) as error:
        raise ExportRefusedError(f"The event tells of no object: it lacks {error}. Only S3 may send here.") from error


def arrive(event: Mapping[str, Any], ports: ArrivalPorts) -> dict[str, Any]:
    """Start what arrived, and answer with the executions and with the messages that must come again.

    What is refused is told once and not tried again: the same object would be refused for the same reason.
    """
    started: list[str] = []
    again: list[str] = []
    refused: list[str] = []
    for message in read_event(event):
        try:
            started += [name for key in message.keys if (name := _start(key, ports, refused))]
        except RetryableError as error:
            if not message.id:
                raise
            logger.warning("arrival must be told again", extra={"message_id": message.id, "error": str(error)})
            again.append(message.id)
    if refused:
        ports.alerts.send(SUBJECT, "\n\n".join(refused))
    return {"started": started, "batchItemFailures": [{"itemIdentifier": name} for name in again]}


def _start(key: str, ports: ArrivalPorts, refused: list[str]) -> str | None:
    try:
        return _start_if_complete(key, ports)
    except TerminalError as error:
        logger.critical("export refused", extra={"key": key, "error_type": type(error).__name__, "error": str(error)})
        refused.append(f"{key}: {error}")
        return None


def _start_if_complete(key: str, ports: ArrivalPorts) -> str | None:
    """Start the version that an object completes; None if it completes none, or one that is known already."""
    if key.endswith("/"):  # a folder that somebody made in the console
        return None
    version, file = parse_key(key)
    table = declared(ports.tables, version)
    if file != table.closed_by:
        if not is_data(file, table):
            return None
        check_file(file, table, key)
        if table.closed_by is not None:
            return None
    files = list_files(ports.exports, table, version)
    name = ports.executions.start(version, files.content)
    logger.info("export arrived", extra={"key": key, "execution": name, "content": files.content})
    return name
