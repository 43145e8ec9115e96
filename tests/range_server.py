"""A small S3 for one object whose bytes are made as they are asked for: ranges, etags, and connections that break."""

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from local.serving import serving

ETAG = '"0123456789abcdef0123456789abcdef"'
PIECE = 1 << 18
MakeBytes = Callable[[int, int], bytes]
"""Returns so many bytes of the object from an offset on, or fewer at its end."""


@dataclass
class Served:
    """What the server was asked for."""

    address: str
    offsets: list[int] = field(default_factory=list)


def repeated(text: bytes) -> MakeBytes:
    """Return what makes an object out of the same bytes again and again, without ever holding it."""
    many = text * (PIECE * 2 // len(text) + 2)

    def make(offset: int, count: int) -> bytes:
        begin = offset % len(text)
        return many[begin : begin + min(count, PIECE)]

    return make


@contextlib.contextmanager
def range_server(size: int, make: MakeBytes, break_after: int | None = None) -> Iterator[Served]:
    """Serve an object of so many bytes; each connection is cut after `break_after` of them."""
    served = Served("")
    handler = type("Handler", (_Handler,), {"size": size, "make": staticmethod(make), "cut": break_after})
    handler.served = served
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    served.address = f"http://127.0.0.1:{server.server_port}"
    with serving(server):
        yield served


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    size: int
    make: MakeBytes
    cut: int | None
    served: Served

    def do_GET(self) -> None:
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        at = int(found[1]) if found else 0
        if self.headers.get("If-Match", ETAG) != ETAG:
            self._start(412, 0)
            return
        self.served.offsets.append(at)
        self._start(206 if found else 200, self.size - at)
        stop = self.size if self.cut is None else min(self.size, at + self.cut)
        with contextlib.suppress(ConnectionError):
            self._send(at, stop)
        self.close_connection = True

    def _send(self, at: int, stop: int) -> None:
        while at < stop:
            piece = self.make(at, stop - at)
            self.wfile.write(piece)
            at += len(piece)

    def _start(self, status: int, length: int) -> None:
        self.send_response(status)
        for name, value in {"ETag": ETAG, "Content-Length": str(length), "Accept-Ranges": "bytes"}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        """Keep requests out of the output."""
