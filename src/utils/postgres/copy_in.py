"""COPY ... FROM STDIN that ends well: a stream that breaks leaves the session usable, a refusal is noticed at once."""

import select
from collections.abc import Iterable, Iterator
from struct import Struct
from typing import Any

COPY_FAIL = b"f"
ERROR = b"E"
REASON = b"the stream broke\0"
_HEADER = Struct("!cI")  # message code, then its length without the code


class CopyIn:
    """The blocks of one COPY on their way to the server; `error` is what ended them too early."""

    def __init__(self, connection: Any, blocks: Iterable[bytes]) -> None:
        self.error: Exception | None = None
        self._connection = connection
        self._blocks = blocks

    def __iter__(self) -> Iterator[bytes]:
        """Yield the blocks until they end, the server has refused one, or reading them fails."""
        try:
            for block in self._blocks:
                if self._is_refused():
                    return
                yield block
        except Exception as error:  # noqa: BLE001 - whatever it is, it is raised again once the server has given up
            self.error = error
            self._connection._sock.write(_HEADER.pack(COPY_FAIL, len(REASON) + 4) + REASON)

    def _is_refused(self) -> bool:
        """Tell whether an error waits to be read; without a look the rest of a large file would be sent for nothing."""
        if not select.select([self._connection._usock], [], [], 0)[0]:
            return False
        return bool(self._connection._sock.peek(1)[:1] == ERROR)
