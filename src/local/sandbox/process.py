"""One execution environment: a process of the runtime client, watched and bounded."""

import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable

import psutil

from local.sandbox.logs import LogPump
from local.sandbox.runtime_api import Result, RuntimeApi
from local.sandbox.spec import FunctionSpec

MEGABYTE = 1024 * 1024
MEMORY_INTERVAL = 0.02  # seconds; a function overshoots its limit by less than 2 MB in that time


class RuntimeProcess:
    """A started runtime client that answers until it is stopped, killed or dies."""

    def __init__(self, spec: FunctionSpec, on_line: Callable[[str], None]) -> None:
        self.api = RuntimeApi()
        self._folder = tempfile.TemporaryDirectory(prefix="starlift-tmp-")
        private = {"AWS_LAMBDA_RUNTIME_API": self.api.address, "TMPDIR": self._folder.name}
        self._process = _start(spec, private)
        assert self._process.stdout  # noqa: S101 - a pipe, as asked for
        self.logs = LogPump(self._process.stdout, on_line)
        self._watch = threading.Thread(target=self._watch_memory, args=(spec.memory_mb * MEGABYTE,), daemon=True)
        self._watch.start()

    def is_alive(self) -> bool:
        """Tell whether it can still answer."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End the process at once, whatever it is doing."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """End the process and leave nothing of it behind; stopping twice is harmless."""
        self.kill()
        self._watch.join()
        self.logs.close()
        self.api.close()
        self._folder.cleanup()

    def _watch_memory(self, limit: int) -> None:
        while self._process.poll() is None:
            if _resident_bytes(self._process.pid) > limit:
                self._process.kill()
            _wait(self._process, MEMORY_INTERVAL)
        self.api.results.put(Result(error=_exit_error(self._process.returncode)))
        self.api.ready.set()


def _start(spec: FunctionSpec, private: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        # Without `site` the process sees the zip and the runtime's packages, not this environment's.
        [sys.executable, "-S", "-m", "awslambdaric", spec.handler],
        cwd=spec.code,
        env={**spec.process_environment(), **private},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C is for the caller, who then stops this process
    )


def _resident_bytes(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:  # it ended between two looks
        return 0


def _wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return


def _exit_error(code: int) -> dict[str, object]:
    end = "signal: killed" if code < 0 else f"exit status {code}"
    message = f"Error: Runtime exited with error: {end}"
    return {"errorType": "Runtime.ExitError", "errorMessage": message}
