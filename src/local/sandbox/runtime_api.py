"""The HTTP service that Lambda's runtime client asks for events and tells the answers."""

import json
import queue
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ROOT = "/2018-06-01/runtime"
NEXT = f"{ROOT}/invocation/next"
INIT_ERROR = f"{ROOT}/init/error"
ACCEPTED = b'{"status":"OK"}'


@dataclass(frozen=True)
class Result:
    """What one invocation came to: a payload, or an error with errorType, errorMessage and stackTrace."""

    payload: Any = None
    error: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Invocation:
    """One event on its way to the handler."""

    body: bytes
    headers: Mapping[str, str]


class RuntimeApi:
    """Carries events to one process and its answers back.

    Each process has an API, and so a queue, of its own: the open long poll of a process that died would
    otherwise take the event meant for its successor.
    """

    def __init__(self) -> None:
        self.ready = threading.Event()
        self.results: queue.Queue[Result] = queue.Queue()
        self._invocations: queue.Queue[Invocation | None] = queue.Queue()
        self._server = _Server(("127.0.0.1", 0), _handler_for(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """Return host and port, as AWS_LAMBDA_RUNTIME_API holds them."""
        return f"127.0.0.1:{self._server.server_port}"

    def send(self, invocation: Invocation) -> None:
        """Hand an event to the process."""
        self._invocations.put(invocation)

    def next_invocation(self) -> Invocation | None:
        """Wait for an event; None means that the service is closing."""
        self.ready.set()
        return self._invocations.get()

    def close(self) -> None:
        """Let go of the process and of the port."""
        self._invocations.put(None)
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A process that is killed drops its connection; what became of its event is told elsewhere.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _handler_for(api: RuntimeApi) -> type[BaseHTTPRequestHandler]:
    return type("Handler", (_Handler,), {"api": api})


class _Handler(BaseHTTPRequestHandler):
    api: RuntimeApi
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # a warm call takes 44 ms with it, 1 to 2 ms without

    def do_GET(self) -> None:
        invocation = self.api.next_invocation() if self.path == NEXT else None
        if invocation is None:
            self.close_connection = True
            return
        self._answer(200, invocation.body, invocation.headers)

    def do_POST(self) -> None:
        body = self._read_body()
        if self.path == INIT_ERROR or self.path.endswith("/error"):
            self.api.results.put(Result(error=json.loads(body)))
        else:
            self.api.results.put(Result(payload=json.loads(body)))
        self._answer(202, ACCEPTED, {"Content-Type": "application/json"})

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def log_message(self, *_args: object) -> None:
        """Keep requests out of the demo's output."""
