"""One object's bytes in blocks, read on from where a connection broke."""

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import (
    ConnectionClosedError,
    EndpointConnectionError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)

from utils.store import BLOCK_BYTES

logger = logging.getLogger(__name__)

BREAKS = 5  # in a row, without a byte between two of them
BROKEN = (
    ConnectionClosedError,
    EndpointConnectionError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)


def resumed(client: Any, which: Mapping[str, str], etag: str) -> Iterator[bytes]:
    """Yield the object's bytes; every reading after the first asks for the rest of the same content."""
    at, breaks, size = 0, 0, None
    while size is None or at < size:
        try:
            reply = client.get_object(**which, **_rest(etag, at))
            etag, size = reply["ETag"].strip('"'), at + reply["ContentLength"]
            for block in reply["Body"].iter_chunks(BLOCK_BYTES):
                at, breaks = at + len(block), 0
                yield block
        except BROKEN as error:
            breaks += 1
            logger.warning("connection broke", extra={"key": which["Key"], "at": at, "error": str(error)})
            if breaks >= BREAKS:
                raise


def _rest(etag: str, at: int) -> dict[str, str]:
    """Return what asks for that content, from that byte on."""
    same = {"IfMatch": f'"{etag}"'} if etag else {}
    return {**same, "Range": f"bytes={at}-"} if at else same
