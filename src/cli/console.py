"""What the command prints: reports on standard output, progress and errors on standard error."""

import contextlib
import json
import logging
import re
import sys
from collections.abc import Iterator
from typing import Any

import typer
from rich.console import Console
from rich.text import Text

from local.narration import narrate
from utils.errors import PipelineError, RetryableError

HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
WIDTH = 130  # of reports that go to a file or a pipe, which have no width of their own


def visible(text: str) -> str:
    """Show control characters and changes of direction by their numbers."""
    return HIDDEN.sub(lambda found: ascii(found.group())[1:-1], text)


class _PlainConsole(Console):
    """Prints names and values as they are: no word in them is markup, and none commands the terminal."""

    def __init__(self, **more: Any) -> None:
        super().__init__(highlight=False, markup=False, emoji=False, **more)

    def render_str(self, text: str, **options: Any) -> Text:
        """Show control characters and changes of direction by their numbers."""
        return super().render_str(visible(text), **options)


out = _PlainConsole(width=None if sys.stdout.isatty() else WIDTH)
err = _PlainConsole(stderr=True, width=None if sys.stderr.isatty() else WIDTH)


class _Narrator(logging.Handler):
    """Tells the stages' log lines as they come."""

    def emit(self, record: logging.LogRecord) -> None:
        sentence = narrate(record.getMessage(), vars(record))
        if sentence:
            err.print(sentence)
        elif record.levelno >= logging.WARNING:
            err.print(f"{record.levelname.lower()}: {record.getMessage()}", style="yellow")


@contextlib.contextmanager
def reporting(as_json: bool) -> Iterator[None]:
    """Narrate the work on standard error and turn a named error into its message and exit code 1.

    With `as_json` only what is amiss is told there: the object has the rest.
    """
    root = logging.getLogger()
    narrator = _Narrator(logging.WARNING if as_json else logging.INFO)
    root.addHandler(narrator)
    if not as_json:
        root.setLevel(logging.INFO)
        logging.getLogger("botocore").setLevel(logging.WARNING)
    try:
        yield
    except PipelineError as error:
        show_error(error, as_json)
        raise typer.Exit(1) from error
    finally:
        root.removeHandler(narrator)


def show_error(error: PipelineError, as_json: bool) -> None:
    """Print a named error and, where a retry may mend it, say so."""
    retryable = isinstance(error, RetryableError)
    if as_json:
        print_json({"error": error_record(error)})
        return
    err.print(f"{type(error).__name__}: {error}", style="bold red", soft_wrap=True)
    if retryable:
        err.print("Nothing is lost: run the same command again.", style="yellow")


def error_record(error: PipelineError) -> dict[str, Any]:
    """Return a named error for a program to read."""
    return {"type": type(error).__name__, "message": str(error), "retryable": isinstance(error, RetryableError)}


def print_json(record: dict[str, Any]) -> None:
    """Print one JSON object on one line of standard output."""
    typer.echo(json.dumps(record, default=str, ensure_ascii=False))
