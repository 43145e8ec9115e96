r"""COPY ... TO STDOUT as blocks of bytes, at the server's own speed.

pg8000's public COPY reads each row through Python twice and costs 1.8 times `psql \copy`
(benchmarks/extraction.py). Here the CopyData frames are cut from large reads of its socket; everything
else of the protocol stays pg8000's.
"""

import contextlib
from collections.abc import Iterator
from struct import Struct
from typing import Any

from pg8000.core import COMMAND_COMPLETE, COPY_DATA, READY_FOR_QUERY, Context
from pg8000.exceptions import InterfaceError

from utils.errors import RowTooLargeError

READ_BYTES = 256 << 10  # past this, larger reads were not faster
MAX_SHOWN = 300  # characters of a statement
_HEADER = Struct("!cI")  # message code, then its length without the code


class CopyOut:
    """The rows of one COPY, iterable once; `rows` and `longest` are of those delivered so far."""

    def __init__(self, connection: Any, context: Context, max_row_bytes: int) -> None:
        self.rows = self.longest = 0
        self._connection = connection
        self._context = context
        self._max_row_bytes = max_row_bytes

    def __iter__(self) -> Iterator[bytes]:
        """Yield blocks of whole rows; an abandoned iteration closes the connection, which nothing can reuse."""
        finished = False
        try:
            yield from self._blocks()
            finished = True
        finally:
            if not finished:
                with contextlib.suppress(InterfaceError):  # it may be closed by now
                    self._connection.close()
        if self._context.error is not None:
            report = self._context.error.args[0]
            report["W"] = "; ".join([*filter(None, [report.get("W")]), self._rows_read])  # the server names no table
            raise self._context.error

    def _blocks(self) -> Iterator[bytes]:
        buffer, ready = b"", False
        while not ready:
            buffer += self._read()
            rows, buffer, ready = self._split(buffer)
            if rows:
                self.longest = max(self.longest, *map(len, rows))
                self._check_size(self.longest)
                self.rows += len(rows)
                yield b"".join(rows)

    def _read(self) -> bytes:
        block: bytes = self._connection._sock.read1(READ_BYTES)
        if not block:
            raise self._context.error or InterfaceError("network error")
        return block

    def _split(self, buffer: bytes) -> tuple[list[bytes], bytes, bool]:
        """Cut whole messages off the buffer: the rows in it, what is left, and whether the COPY is over."""
        rows: list[bytes] = []
        append, unpack, start, end = rows.append, _HEADER.unpack_from, 0, len(buffer)
        while end - start >= 5:
            code, length = unpack(buffer, start)
            stop = start + 1 + length
            if stop > end:
                return rows, self._complete(buffer[start:], code, length), False
            if code == COPY_DATA:
                append(buffer[start + 5 : stop])
            elif self._control(code, buffer[start + 5 : stop]):
                return rows, b"", True
            start = stop
        return rows, buffer[start:], False

    def _complete(self, begun: bytes, code: bytes, length: int) -> bytes:
        """Read the rest of a message that is larger than one read, so that it is not copied again and again."""
        if code == COPY_DATA:
            self._check_size(length - 4)  # which counts itself
        missing = length + 1 - len(begun)
        if missing <= READ_BYTES:
            return begun
        return begun + bytes(self._connection._sock.read(missing))

    @property
    def _rows_read(self) -> str:
        """Return the part of the statement that names the table; a long list of columns comes before."""
        statement: str = self._context.statement
        return "COPY ..." + statement[statement.find(" FROM ") :][:MAX_SHOWN]

    def _check_size(self, size: int) -> None:
        if size > self._max_row_bytes:
            raise RowTooLargeError(
                f"A row of {size:,} bytes is larger than the maximum of {self._max_row_bytes:,}. Exclude its large "
                f"column, or raise max_row_bytes in pipeline.toml. In: {self._rows_read}",
                statement=self._context.statement,
            )

    def _control(self, code: bytes, body: bytes) -> bool:
        """Let pg8000 handle a message that is not a row, and tell whether it was the last."""
        # CopyOutResponse asks for a stream that this class is; CommandComplete counts rows that are counted.
        if code not in (b"H", COMMAND_COMPLETE):
            self._connection.message_types[code](body, self._context)
        return bool(code == READY_FOR_QUERY)
