"""The reference endpoint: an HTTP server that keeps each record once, and goes wrong where it is told to.

It is what docs/delivery.md asks of an endpoint, in a few lines; demo and tests deliver to it. Paths below
/_sink are for whoever watches it.
"""

import contextlib
import hmac
import json
import re
import socket
import sqlite3
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from local.delivery.sink_faults import Cut, Fault, Faults
from local.delivery.sink_store import Post, Record, SinkStore
from local.serving import serving
from utils.delivery_project import MAX_ID_BYTES
from utils.errors import ConfigurationError

CONTROL = "/_sink/"
MAX_BODY = 16 << 20  # bytes
HALF = re.compile("[\ud800-\udfff]")  # of a surrogate pair, which no file can hold
IDLE_SECONDS = 30.0  # after which a connection that says nothing is closed

Say = Callable[[str], object]


@dataclass(frozen=True)
class Sink:
    """A store, who may post, which records are refused, and what goes wrong."""

    store: SinkStore
    header: tuple[str, str] | None = None  # name and value that a POST must have
    faults: Faults = field(default_factory=Faults)
    refused: set[str] = field(default_factory=set)  # ids of records that are refused, with all that came with them
    say: Say = lambda _line: None
    refusal: int = 422  # the status that refused records are answered with


@dataclass(frozen=True)
class Running:
    """A sink that answers."""

    sink: Sink
    url: str


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a delayed answer does not hold up the end

    def __init__(self, port: int, sink: Sink, tls: ssl.SSLContext | None) -> None:
        self.sink = sink
        self.scheme = "https" if tls else "http"
        super().__init__(("127.0.0.1", port), _Handler)
        if tls:  # the handshake is left to the request's own thread
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that went away in the middle."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = IDLE_SECONDS
    server: _Server

    def do_GET(self) -> None:
        """Show what the sink holds."""
        with self._telling():
            self._show(self.server.sink.store)

    def _show(self, store: SinkStore) -> None:
        if self.path == f"{CONTROL}records":
            return self._answer(200, store.records())
        if self.path == f"{CONTROL}posts":
            return self._answer(200, [asdict(post) for post in store.posts()])
        return self._answer(404, {"error": f"GET {CONTROL}records or {CONTROL}posts; POST anywhere else."})

    def do_POST(self) -> None:
        """Take a batch, or be told what to do wrong."""
        size = self.headers.get("Content-Length", "")
        if not size.isdecimal() or int(size) > MAX_BODY:
            self.close_connection = True
            return self._answer(413, {"error": f"A body has a Content-Length of at most {MAX_BODY} bytes."})
        body = self.rfile.read(int(size))
        if len(body) < int(size):  # its sender went away, and nobody knows what the rest would have said
            self.close_connection = True
            return None
        with self._telling():
            return self._control(body) if self.path.startswith(CONTROL) else self._take(body)

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        """Answer 503 where the file fails, so that nobody believes a record to be safe."""
        try:
            yield
        except sqlite3.Error as error:
            self.server.sink.say(f"POST 503: the file cannot be used: {error}")
            self._answer(503, {"error": f"The sink's file cannot be used: {error}."})

    def _control(self, body: bytes) -> None:
        sink = self.server.sink
        try:
            said = _read(body)
            if self.path == f"{CONTROL}faults":
                sink.faults.set(map(Fault.of, said))
            elif self.path == f"{CONTROL}refused":
                sink.refused.clear()
                sink.refused.update(said)
            else:
                return self._answer(404, {"error": f"POST {CONTROL}faults or {CONTROL}refused."})
        except (ValueError, TypeError, AttributeError, ConfigurationError) as error:
            return self._answer(400, {"error": str(error)})
        return self._answer(200, {})

    def _take(self, body: bytes) -> None:
        fault = self.server.sink.faults.take()
        if fault.cut is Cut.UNSTORED:
            return self._cut(Post(self._key, 0), b"")
        if fault.status:
            time.sleep(fault.delay)
            return self._settle(Post(self._key, fault.status), {"error": "The sink was told so."}, fault)
        post, told = self._keep(body)
        time.sleep(fault.delay)
        if fault.cut is not Cut.NEVER:
            return self._cut(post, b"HTTP/1.1 20" if fault.cut is Cut.ANSWERING else b"")
        return self._settle(post, told, fault)

    def _keep(self, body: bytes) -> tuple[Post, dict[str, Any]]:
        """Keep a batch's records, and return what is answered."""
        sink = self.server.sink
        if sink.header and not hmac.compare_digest(self._given(sink.header[0]), sink.header[1].encode()):
            return Post(self._key, 401), {"error": f"The header {sink.header[0]} is missing or wrong."}
        try:
            records = _records(body)
        except ValueError as error:
            return Post(self._key, 400), {"error": str(error)}
        if found := sorted({record["id"] for record in records} & sink.refused):
            return Post(self._key, sink.refusal, len(records)), {"error": f"The record {found[0]} is refused."}
        new = sink.store.take(records)
        return Post(self._key, 200, len(records), new), {"records": len(records), "new": new}

    @property
    def _key(self) -> str | None:
        return self.headers.get("Idempotency-Key")

    def _given(self, name: str) -> bytes:
        return str(self.headers.get(name, "")).encode()

    def _settle(self, post: Post, told: object, fault: Fault) -> None:
        self._note(post)
        more = {"Retry-After": fault.retry_after, "Location": fault.location}
        self._answer(post.status, told, {name: value for name, value in more.items() if value})

    def _cut(self, post: Post, begun: bytes) -> None:
        self._note(Post(post.key, 0, post.records, post.new))
        self.wfile.write(begun)
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def _note(self, post: Post) -> None:
        self.server.sink.store.note(post)
        outcome = f"POST {post.status}" if post.status else "POST cut off"
        self.server.sink.say(f"{outcome}: {post.records} records, {post.new} new")

    def _answer(self, status: int, told: object, more: dict[str, str] | None = None) -> None:
        body = json.dumps(told).encode()
        self.send_response(status)
        for name, value in {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **(more or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: object) -> None:
        """Leave the telling to the sink."""


def _records(body: bytes) -> list[Record]:
    """Return the records of a batch, or raise ValueError."""
    found = _read(body)
    if not isinstance(found, list) or not all(isinstance(one, dict) and _is_id(one.get("id")) for one in found):
        raise ValueError(f"A batch is a JSON array of objects, each with its id: a text of 1 to {MAX_ID_BYTES} bytes.")
    return found


def _read(body: bytes) -> Any:
    try:
        return json.loads(body, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("The JSON is nested too deeply.") from error


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no JSON.")


def _is_id(found: Any) -> bool:
    return isinstance(found, str) and 0 < len(found.encode(errors="replace")) <= MAX_ID_BYTES and not HALF.search(found)


@contextlib.contextmanager
def running_sink(sink: Sink, port: int = 0, tls: ssl.SSLContext | None = None) -> Iterator[Running]:
    """Answer on a port of this machine, a free one unless it is named, for as long as the block lasts."""
    sink.store.create()
    try:
        server = _Server(port, sink, tls)
    except (OSError, OverflowError) as error:
        raise ConfigurationError(
            f"Port {port} cannot be used: {str(error).rstrip('.')}. Choose another with --port."
        ) from error
    with serving(server):
        yield Running(sink, f"{server.scheme}://127.0.0.1:{server.server_port}/")
