"""A file's bytes, decompressed in steps small enough for any content."""

import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from transformation.records.formats import Compression
from utils.errors import FileRefusedError

STEP = 1 << 20  # bytes that one step of decompressing gives at most; a bomb gives no more
ZSTD_STEP = 256  # bytes that one step reads: zstd knows no limit to its output, and 4 bytes may stand for 128 KB
ZSTD_WINDOW = 1 << 25  # what a file may ask of our memory; `zstd --long` asks for four times as much
GZIP_WRAPPER = 31  # zlib's word for: a gzip header, and the largest window

MAGIC = {Compression.GZIP: (b"\x1f\x8b",), Compression.ZSTD: (b"\x28\xb5\x2f\xfd",)}
# What people drop by mistake, and would only be told of as undecodable text.
FOREIGN = {
    b"\x1f\x8b": "gzip; end its name in .gz",
    b"\x28\xb5\x2f\xfd": "zstd; end its name in .zst",
    b"BZh": "bzip2; use gzip or zstd",
    b"\xfd7zXZ": "xz; use gzip or zstd",
    b"PK\x03\x04": "a zip or an Excel file; export it as CSV",
    b"PAR1": "Parquet; export it as CSV",
    b"%PDF": "a PDF; export it as CSV",
}
LONGEST_MAGIC = 5


def decompressed(key: str, blocks: Iterable[bytes], compression: Compression) -> Iterator[bytes]:
    """Return the blocks decompressed, or raise FileRefusedError when the content is not what the key says."""
    head, rest = _peeked(blocks)
    _check_magic(key, head, compression)
    return DECOMPRESSORS[compression](key, rest)


def _peeked(blocks: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Return the first bytes, and all blocks again."""
    iterator, head = iter(blocks), b""
    taken = []
    for block in iterator:
        taken.append(block)
        head += block[:LONGEST_MAGIC]
        if len(head) >= LONGEST_MAGIC:
            break
    return head, chain(taken, iterator)


def _check_magic(key: str, head: bytes, compression: Compression) -> None:
    expected = MAGIC.get(compression)
    if expected and not head.startswith(expected):
        raise FileRefusedError(f"{key} is not {compression.name.lower()}, as its name says. Compress it, or rename it.")
    if not expected:
        foreign = next((advice for magic, advice in FOREIGN.items() if head.startswith(magic)), None)
        if foreign:
            raise FileRefusedError(f"{key} is {foreign}, and drop it again.")


def _plain(_key: str, blocks: Iterator[bytes]) -> Iterator[bytes]:
    for block in blocks:
        yield from _pieces(block, STEP)


def _pieces(block: bytes, size: int) -> Iterator[bytes]:
    if len(block) <= size:
        yield block
        return
    for start in range(0, len(block), size):
        yield block[start : start + size]


def _gzip(key: str, blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Decompress every member: gzip files put one after another are one."""
    member = zlib.decompressobj(GZIP_WRAPPER)
    for block in blocks:
        left = block
        while left:
            if member.eof:
                left = left.lstrip(b"\0")  # padding, as tapes have it
                member = zlib.decompressobj(GZIP_WRAPPER) if left else member
                continue
            yield _inflated(key, member, left)
            left = member.unconsumed_tail or member.unused_data
    while not member.eof and (rest := _inflated(key, member, b"")):
        yield rest
    _check_whole(key, member.eof)


def _inflated(key: str, member: "zlib._Decompress", data: bytes) -> bytes:
    try:
        return member.decompress(data, STEP)
    except zlib.error as error:
        raise _damaged(key, error) from error


def _damaged(key: str, error: Exception) -> FileRefusedError:
    return FileRefusedError(f"{key} is damaged: {error}. Compress it anew, and drop it again.")


def _check_whole(key: str, is_whole: bool) -> None:
    if not is_whole:
        raise FileRefusedError(f"{key} ends in the middle of its compressed data. Drop it again, whole.")


def _zstd(key: str, blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Decompress every frame."""
    from zstandard import ZstdDecompressor, ZstdError  # a library of C that most files need not wait for

    context = ZstdDecompressor(max_window_size=ZSTD_WINDOW)
    frame = context.decompressobj()
    try:
        for piece in (piece for block in blocks for piece in _pieces(block, ZSTD_STEP)):
            left = piece
            while left:
                frame = context.decompressobj() if frame.eof else frame
                yield from _pieces(frame.decompress(left), STEP)
                left = frame.unused_data
    except ZstdError as error:
        raise _damaged(key, error) from error
    _check_whole(key, frame.eof)


DECOMPRESSORS: dict[Compression, Callable[[str, Iterator[bytes]], Iterator[bytes]]] = {
    Compression.NONE: _plain,
    Compression.GZIP: _gzip,
    Compression.ZSTD: _zstd,
}
