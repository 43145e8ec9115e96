"""A Lambda function: processes started as they are needed, and kept warm."""

import json
import queue
import threading
import time
import uuid
from collections.abc import Callable

from local.sandbox.process import RuntimeProcess
from local.sandbox.runtime_api import Invocation, Result
from local.sandbox.spec import FunctionSpec

INIT_TIMEOUT = 60.0  # seconds; AWS allows 10, on processors that nothing else is using

OnLog = Callable[[str, str], None]


def ignore_logs(_function_name: str, _line: str) -> None:
    """Drop what functions print."""


class Function:
    """Answers events as Lambda would: one process an event at a time, reused while it lives."""

    def __init__(self, spec: FunctionSpec, on_log: OnLog = ignore_logs) -> None:
        self.spec = spec
        self._on_log = on_log
        self._idle: list[RuntimeProcess] = []
        self._busy: set[RuntimeProcess] = set()
        self._lock = threading.Lock()

    def invoke(self, event: object) -> Result:
        """Hand an event to a warm process, or to a new one, and wait for what becomes of it."""
        process = self._take()
        try:
            return self._run(process, event)
        finally:
            self._put_back(process)

    def close(self) -> None:
        """End every process; one that is working answers Runtime.ExitError."""
        with self._lock:
            processes = [*self._idle, *self._busy]
            self._idle.clear()
        for process in processes:
            process.stop()

    def _run(self, process: RuntimeProcess, event: object) -> Result:
        request_id = str(uuid.uuid4())
        if not process.api.ready.wait(INIT_TIMEOUT):
            return self._timed_out(process, request_id, INIT_TIMEOUT)
        process.api.send(self._invocation(request_id, event))
        try:
            return process.api.results.get(timeout=self.spec.timeout)
        except queue.Empty:
            return self._timed_out(process, request_id, self.spec.timeout)

    def _invocation(self, request_id: str, event: object) -> Invocation:
        deadline = int((time.time() + self.spec.timeout) * 1000)
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": request_id,
            "Lambda-Runtime-Deadline-Ms": str(deadline),
            "Lambda-Runtime-Invoked-Function-Arn": self.spec.arn,
        }
        return Invocation(json.dumps(event).encode(), headers)

    def _timed_out(self, process: RuntimeProcess, request_id: str, seconds: float) -> Result:
        process.kill()
        message = f"RequestId: {request_id} Error: Task timed out after {seconds:.2f} seconds"
        return Result(error={"errorType": "Sandbox.Timedout", "errorMessage": message})

    def _take(self) -> RuntimeProcess:
        with self._lock:
            process = self._pop_living() or RuntimeProcess(self.spec, self._log)
            self._busy.add(process)
        return process

    def _pop_living(self) -> RuntimeProcess | None:
        while self._idle:
            process = self._idle.pop()
            if process.is_alive():
                return process
            process.stop()
        return None

    def _put_back(self, process: RuntimeProcess) -> None:
        process.logs.drain()
        with self._lock:
            self._busy.discard(process)
            if process.is_alive():
                self._idle.append(process)
                return
        process.stop()

    def _log(self, line: str) -> None:
        self._on_log(self.spec.name, line)
