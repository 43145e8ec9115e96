"""A program in a terminal of its own, with a person who answers its questions."""

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

PATIENCE = 60.0  # seconds for each question to be asked
# The child makes the terminal its own, so that a question without echo goes there too, and hears Ctrl-C, which a shell
# that put the tests into the background had it ignore.
TAKE_TERMINAL = (
    "import fcntl, os, signal, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
)


def converse(
    command: Sequence[str], answers: Sequence[tuple[str, str]], environment: Mapping[str, str]
) -> tuple[int, str]:
    """Run a program, answer each question once its text appears, and return its exit code and all that showed."""
    ours, theirs = pty.openpty()
    program = subprocess.Popen(
        [sys.executable, "-c", TAKE_TERMINAL, *command],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env={**os.environ, **environment},
    )
    os.close(theirs)
    try:
        shown = _answer(ours, answers)
        return program.wait(PATIENCE), shown
    finally:
        program.kill()
        program.wait()
        os.close(ours)


def _answer(terminal: int, answers: Sequence[tuple[str, str]]) -> str:
    shown, seen = "", 0
    for question, answer in answers:
        while question not in shown[seen:]:
            more = _read(terminal)
            assert more, f"{question!r} was never asked:\n{shown}"
            shown += more
        seen = len(shown)
        os.write(terminal, f"{answer}\n".encode())
    while more := _read(terminal):
        shown += more
    return shown


def _read(terminal: int) -> str:
    """Return what appeared next, nothing once the program has ended or is silent for too long."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.5)[0]:
            with suppress(OSError):  # Linux says so when the last process has left the terminal
                return os.read(terminal, 65536).decode(errors="replace")
            return ""
    return ""
