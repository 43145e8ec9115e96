"""What a person is told and asked."""

import getpass
import sys
from collections.abc import Callable

from rich.console import Console, RenderableType

from utils.errors import ConfigurationError

Check = Callable[[str], bool]
REQUIRED: Check = bool


class Terminal:
    """Tells and asks; where nobody is there to answer, it refuses to guess."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, width=None if sys.stdout.isatty() else 130)

    def say(self, text: str, style: str = "") -> None:
        """Print a line."""
        self._console.print(text, style=style, markup=False, soft_wrap=True)

    def show(self, table: RenderableType) -> None:
        """Print something with a layout of its own."""
        self._console.print(table)

    def step(self, text: str) -> None:
        """Print what begins now."""
        self.say(f"\n==> {text}", "bold cyan")

    def ask(self, question: str, default: str = "", check: Check = REQUIRED, hint: str = "") -> str:
        """Ask until the answer is one that will do; an empty one takes the default."""
        shown = f"{question} [{default}]: " if default else f"{question}: "
        while True:
            answer = self._read(lambda: input(shown)).strip() or default
            if check(answer):
                return answer
            self.say(hint or "An answer is needed.", "yellow")

    def ask_hidden(self, question: str, optional: bool = False) -> str:
        """Ask for something that must not show, until there is an answer or none is needed."""
        while True:
            answer = self._read(lambda: getpass.getpass(f"{question}: "))
            if answer or optional:
                return answer
            self.say("An answer is needed.", "yellow")

    def agrees(self, question: str) -> bool:
        """Ask for a yes; anything else is a no."""
        answer = self._read(
            lambda: input(f"{question} [y/N]: "), "Run this in a terminal, or approve with AUTO_APPROVE=1."
        )
        return answer.strip().lower() in {"y", "yes"}

    def _read(self, read: Callable[[], str], remedy: str = "Run this in a terminal.") -> str:
        if not sys.stdin.isatty():
            raise ConfigurationError(f"Nobody is there to answer. {remedy}")
        try:
            return read()
        except EOFError:
            raise ConfigurationError(f"The answers ended before all was asked. {remedy}") from None
