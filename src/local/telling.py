"""Telling a person what a demo does, step by step, with the functions' own log lines."""

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console

from local.narration import narrate


@dataclass
class Teller:
    """Numbers a demo's steps and keeps the time of each."""

    console: Console
    steps: int
    step: int = 0

    @contextmanager
    def telling(self, what: str) -> Iterator[None]:
        """Tell a step, and how long it took."""
        self.step += 1
        self.console.print(f"\n[bold cyan]{self.step}/{self.steps}[/] {what}")
        started = time.monotonic()
        yield
        self.console.print(f"    [dim]{time.monotonic() - started:.1f} s[/]")

    def say(self, sentence: str, style: str = "") -> None:
        """Tell one thing more of a step."""
        self.console.print(f"    {sentence}", style=style or None, markup=False)

    def tell_log_line(self, _function: str, line: str) -> None:
        """Tell a function's line as a sentence, if it is one for people."""
        try:
            fields = json.loads(line)
        except ValueError:
            return  # a line of the runtime itself
        sentence = narrate(str(fields.get("message")), fields)
        if sentence:
            self.console.print(f"  {sentence}", markup=False)
        elif fields.get("level") in {"CRITICAL", "ERROR"}:
            self.console.print(f"  {fields.get('message')}: {fields.get('error', '')}", style="red", markup=False)


def run_demo(main: Callable[..., int], arguments: Sequence[str], number: str) -> int:
    """Run a demo with the number that a command line may give, and return the exit code. Ctrl-C ends it with a word."""
    try:
        if not all(text.isascii() and text.isdigit() and int(text) for text in arguments):
            print(f"{number} is a whole number from 1 up.", file=sys.stderr)  # noqa: T201 - the reason a person waits for
            return 2
        return main(*map(int, arguments))
    except KeyboardInterrupt:
        print("\nStopped. Nothing is left running.", file=sys.stderr)  # noqa: T201 - the answer a person waits for
        return 130
