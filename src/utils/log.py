"""JSON logs: one object a line, a constant message, values as fields, and the run's fields in every line."""

import logging
import sys
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from utils.errors import PipelineError, RetryableError

_bound: ContextVar[Mapping[str, object]] = ContextVar("log_fields", default=MappingProxyType({}))


def bind(**fields: object) -> None:
    """Replace the bound fields. A warm Lambda keeps the last run's, so never merge."""
    _bound.set(fields)


def configure(service: str) -> None:
    """Make every line that the process logs one JSON object.

    Lambda installs a handler of its own; formatting that one again, rather than adding a second, keeps
    each line single.
    """
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(logging.StreamHandler(sys.stdout))
    for handler in root.handlers:
        handler.setFormatter(_formatter(service, isinstance(handler, logging.StreamHandler)))
        handler.addFilter(_add_bound_fields)
    root.setLevel(logging.INFO)
    logging.getLogger("botocore").setLevel(logging.WARNING)


class _LineFormatter(JsonFormatter):
    """Ends each object's line itself, because Lambda's own handler, unlike a stream's, does not."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line."""
        return super().format(record) + "\n"


def _formatter(service: str, handler_ends_lines: bool) -> logging.Formatter:
    kind = JsonFormatter if handler_ends_lines else _LineFormatter
    return kind(
        "{message}{levelname}{name}",
        style="{",
        timestamp=True,
        rename_fields={"levelname": "level", "name": "logger"},
        static_fields={"service": service},
    )


def _add_bound_fields(record: logging.LogRecord) -> bool:
    for name, value in _bound.get().items():
        setattr(record, name, value)
    return True


Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


def logs_failures(handler: Handler) -> Handler:
    """Log, once and where the Lambda ends, why it failed: CRITICAL unless a retry may mend it."""
    logger = logging.getLogger(handler.__module__)

    def logged(event: dict[str, Any], context: Any) -> dict[str, Any]:
        try:
            return handler(event, context)
        except BaseException as error:
            retryable = isinstance(error, RetryableError)
            fields = error.fields if isinstance(error, PipelineError) else {}
            logger.log(
                logging.WARNING if retryable else logging.CRITICAL,
                "stage failed",
                exc_info=True,
                extra={"error_type": type(error).__name__, "error": str(error), "fields": fields},
            )
            raise

    return logged
