"""What a notification from the exports bucket means: which objects arrived, and which executions they start."""

import contextlib
import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from extraction.exports.ports import ArrivalPorts
from extraction.exports.versions import declared, parse_key
from utils.errors import ExportRefusedError, PipelineError, TerminalError
from utils.export_files import check_file, is_data, list_files
from utils.export_table import ExportVersion

logger = logging.getLogger(__name__)

SUBJECT = "Starlift: an export was refused"


@dataclass(frozen=True)
class Message:
    """One message and the event in it; `id` is SQS's, empty where nothing comes back one by one."""

    id: str
    event: Any

    def keys(self) -> list[str]:
        """Return the objects that it tells of, or raise ExportRefusedError."""
        try:
            return list(_created(json.loads(self.event) if isinstance(self.event, str) else self.event))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ExportRefusedError(f"A message tells of no object ({error!r}). Only S3 may send here.") from error


def read_messages(event: Mapping[str, Any]) -> list[Message]:
    """Return the messages in an event of S3, of EventBridge, or in a batch of either from SQS."""
    records = event.get("Records")
    if isinstance(records, list) and records and records[0].get("eventSource") == "aws:sqs":
        return [Message(record["messageId"], record["body"]) for record in records]
    return [Message("", event)]


def _created(event: Mapping[str, Any]) -> Iterator[str]:
    if event.get("Event") == "s3:TestEvent":  # S3 sends one when the notification is set up
        return
    if "detail" in event:
        yield event["detail"]["object"]["key"]  # EventBridge tells keys as they are
        return
    for record in event["Records"]:
        if record["eventName"].startswith("ObjectCreated"):
            yield unquote_plus(record["s3"]["object"]["key"])  # S3 itself encodes them, a space as +


def arrive(event: Mapping[str, Any], ports: ArrivalPorts) -> dict[str, Any]:
    """Start what arrived, and answer with the executions and with the messages that must come again.

    What is refused is told once and not tried again: the same object would be refused for the same reason. Whatever
    else fails, be it a right that is missing, is no fault of the object, which waits among the dead letters at last.
    """
    started: list[str] = []
    again: list[str] = []
    refused: list[str] = []
    for message in read_messages(event):
        try:
            started += _start_all(message, ports, refused)
        except PipelineError as error:
            if not message.id:
                raise
            level = logging.CRITICAL if isinstance(error, TerminalError) else logging.WARNING
            logger.log(level, "arrival must be told again", extra={"message_id": message.id, "error": str(error)})
            again.append(message.id)
    if refused:
        ports.alerts.send(SUBJECT, "\n\n".join(refused))
    return {"started": started, "batchItemFailures": [{"itemIdentifier": name} for name in again]}


def _start_all(message: Message, ports: ArrivalPorts, refused: list[str]) -> list[str]:
    """Start what a message tells of, and add what is refused to the list."""
    with _noted(f"message {message.id}", refused):
        keys = message.keys()
        names = []
        for key in keys:
            with _noted(key, refused):
                names.append(_start_if_complete(key, ports))
        return [name for name in names if name]
    return []


@contextlib.contextmanager
def _noted(what: str, refused: list[str]) -> Iterator[None]:
    """Log what is refused inside, and add it to the list."""
    try:
        yield
    except ExportRefusedError as error:
        fields = {"key": what, "error_type": type(error).__name__, "error": str(error)}
        logger.critical("export refused", extra=fields)
        refused.append(f"{what}: {error}")


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
        # One that comes after the closing object makes it another content, which is refused where it is registered.
        if table.closed_by is not None and not _is_closed(version, table.closed_by, ports):
            return None
    files = list_files(ports.exports, table, version)
    name = ports.executions.start(version, files.content)
    logger.info("export arrived", extra={"key": key, "execution": name, "content": files.content})
    return name


def _is_closed(version: ExportVersion, closed_by: str, ports: ArrivalPorts) -> bool:
    """Tell whether the object that closes a version is there; listing needs no right to read."""
    key = version.prefix + closed_by
    return any(item.key == key for item in ports.exports.list(key))
