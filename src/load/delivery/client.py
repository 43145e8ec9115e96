"""POSTs over HTTP, each on a connection of its own, bounded in time and never redirected."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection

from load.delivery.answers import Answer
from load.delivery.endpoint import Endpoint

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 30.0  # of one POST, however slowly its answer drips in
HINTS = range(102, 200)  # told before the answer; 101 is an answer, the last in HTTP
SHOWN_BYTES = 1000  # of an answer; no more of it is read


@dataclass(frozen=True)
class HttpClient:
    """Posts to one endpoint."""

    endpoint: Endpoint
    connect_seconds: float = CONNECT_SECONDS
    total_seconds: float = TOTAL_SECONDS

    @property
    def origin(self) -> str:
        """Where to, as it may be shown."""
        return self.endpoint.origin

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context()

    def post(self, body: bytes, key: str) -> Answer:
        """Post a batch once, and return the answer; status 0 means that nobody knows whether it was taken."""
        try:
            with self._connected() as connection:
                self._send(connection, body, key)
                return self._read(_final(connection.getresponse()))
        except (OSError, HTTPException) as error:
            return Answer(0, self._shown(f"{type(error).__name__}: {error}"))

    @contextlib.contextmanager
    def _connected(self) -> Iterator[HTTPConnection]:
        host, port = self.endpoint.host, self.endpoint.port
        is_tls = self.endpoint.is_tls
        connection = HTTPSConnection(host, port, context=self._tls) if is_tls else HTTPConnection(host, port)
        with contextlib.closing(connection):
            connection.sock = _reached(host, port, self.connect_seconds)
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # head and body are sent apart
            if is_tls:
                connection.sock = self._tls.wrap_socket(connection.sock, server_hostname=host)
            connection.sock.settimeout(self.total_seconds)
            watch = threading.Timer(self.total_seconds, _end, [connection.sock])
            watch.start()
            try:
                yield connection
            finally:
                watch.cancel()

    def _send(self, connection: HTTPConnection, body: bytes, key: str) -> None:
        name, value = self.endpoint.header
        headers = {"Content-Type": "application/json", "Idempotency-Key": key, "Connection": "close", name: value}
        connection.request("POST", self.endpoint.target, body, headers)

    def _read(self, response: HTTPResponse) -> Answer:
        text = b""
        with contextlib.suppress(OSError, HTTPException):  # the status is the answer; what follows is only shown
            text = response.read(SHOWN_BYTES + len(self.endpoint.header[1]))  # never a part of the header's value
        shown = self._shown(text.decode(errors="replace"))
        return Answer(response.status, shown, response.getheader("Retry-After") or "")

    def _shown(self, text: str) -> str:
        """Return the text without the header's value, should the endpoint repeat it."""
        return text.replace(self.endpoint.header[1], "***")[:SHOWN_BYTES]


def _reached(host: str, port: int, seconds: float) -> socket.socket:
    """Connect to the first of a host's addresses that answers; all together get the time, or many would outlast it."""
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    failure = OSError(f"{host} has no address")
    for family, kind, protocol, _, address in addresses:
        connected = socket.socket(family, kind, protocol)
        connected.settimeout(seconds / len(addresses))
        try:
            connected.connect(address)
        except OSError as error:
            connected.close()
            failure = error
        else:
            connected.settimeout(seconds)  # for TLS to agree
            return connected
    raise failure


def _final(response: HTTPResponse) -> HTTPResponse:
    """Return the answer itself, past any hints that are sent before it; http.client passes over 100 alone."""
    while response.status in HINTS:
        response.headers = None  # type: ignore[assignment] # which tells it to begin anew, where it is
        response.begin()
    return response


def _end(connected: socket.socket) -> None:
    """End a connection under whoever waits for it; the plain socket's way, as TLS has a farewell that may hang."""
    with contextlib.suppress(OSError):
        socket.socket.shutdown(connected, socket.SHUT_RDWR)
