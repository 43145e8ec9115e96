"""Lines that a function prints, handed on while it runs."""

import os
import select
import threading
from collections.abc import Callable
from typing import IO

CHUNK = 65536  # bytes, what a pipe holds on Linux


class LogPump:
    """Hands every line of a stream to a callback, from a thread of its own."""

    def __init__(self, stream: IO[bytes], on_line: Callable[[str], None]) -> None:
        self._stream = stream
        self._on_line = on_line
        self._rest = b""
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def drain(self) -> bool:
        """Hand on all that was printed so far; return False once the stream has ended."""
        with self._lock:
            while self._readable(timeout=0):
                chunk = os.read(self._stream.fileno(), CHUNK)
                self._deliver(chunk)
                if not chunk:
                    return False
        return True

    def close(self) -> None:
        """Wait for the last line of a process that has ended."""
        self._thread.join()
        self._stream.close()

    def _run(self) -> None:
        while self._readable(timeout=None) and self.drain():
            pass

    def _readable(self, timeout: float | None) -> bool:
        poll = select.poll()  # select() refuses descriptors over 1023
        poll.register(self._stream, select.POLLIN | select.POLLHUP)
        return bool(poll.poll(timeout))

    def _deliver(self, chunk: bytes) -> None:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if not chunk and self._rest:
            lines.append(self._rest)
        for line in lines:
            self._on_line(line.decode(errors="replace"))
