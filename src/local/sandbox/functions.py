"""All functions of one emulated account, each with its warm processes."""

import threading

from local.sandbox.function import Function, OnLog
from local.sandbox.runtime_api import Result
from local.sandbox.spec import FunctionSpec


class Functions:
    """Runs whatever function it is told of, and keeps its processes until its code or settings change."""

    def __init__(self, on_log: OnLog) -> None:
        self._on_log = on_log
        self._known: dict[str, Function] = {}
        self._lock = threading.Lock()

    def invoke(self, spec: FunctionSpec, event: object) -> Result:
        """Hand an event to a function and wait for what becomes of it."""
        return self._current(spec).invoke(event)

    def close(self) -> None:
        """End every process of every function."""
        for function in self._known.values():
            function.close()

    def _current(self, spec: FunctionSpec) -> Function:
        with self._lock:
            known = self._known.get(spec.name)
            if known and known.spec == spec:
                return known
            if known:  # its code or settings were updated
                known.close()
            self._known[spec.name] = Function(spec, self._on_log)
            return self._known[spec.name]
