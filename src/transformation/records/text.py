"""A file's bytes as text, in lines that keep their ends."""

import codecs
import io
from collections.abc import Iterable, Iterator
from itertools import chain

from utils.errors import FileRefusedError

GROUP_LINES = 10_000
GROUP_LENGTH = 1 << 20  # characters; as values they take some ten times as many bytes
FIRST_LENGTH = 1 << 16  # of the text in which lines must show how they end


def decoded(key: str, blocks: Iterable[bytes], encoding: str) -> Iterator[str]:
    """Return the blocks as text, without a byte order mark, or raise FileRefusedError that says where it is none."""
    decoder = codecs.getincrementaldecoder("utf-8-sig" if encoding == "utf-8" else encoding)()
    offset = 0
    # A step of decompressing may give nothing, which is not yet the end: a character may lie across it.
    for block in chain(filter(None, blocks), (b"",)):
        pending = len(decoder.getstate()[0])
        try:
            yield decoder.decode(block, final=not block)
        except UnicodeError as error:
            where = offset - pending + getattr(error, "start", 0)  # UTF-16 without its mark is no UnicodeDecodeError
            raise FileRefusedError(
                f"{key} is not {encoding}: byte {where:,} begins what cannot be read as such. Save it as {encoding}, "
                "or set encoding under [csv] of the table's file."
            ) from error
        offset += len(block)


def line_groups(key: str, texts: Iterable[str], max_length: int) -> Iterator[list[str]]:
    """Return whole lines in groups, each line with its end; only the last may lack one."""
    first, rest = _first_text(texts)
    end = "\r" if "\n" not in first and "\r" in first else "\n"
    count, pending = 0, ""
    for text in chain((first,), gathered(rest)):
        pending += text
        if end not in text:
            _check_length(key, count + 1, len(pending), max_length)
            continue
        lines = _split(pending, end)
        pending = "" if lines[-1].endswith(end) else lines.pop()
        count += len(lines)
        yield from _groups(lines)
    if pending:
        yield [pending]


def _first_text(texts: Iterable[str]) -> tuple[str, Iterator[str]]:
    iterator, first = iter(texts), ""
    for text in iterator:
        first += text
        if len(first) >= FIRST_LENGTH:
            break
    return first, iterator


def gathered(texts: Iterable[str]) -> Iterator[str]:
    """Join small texts, for a group of few lines costs almost what one of many does."""
    parts, length = [], 0
    for text in texts:
        parts.append(text)
        length += len(text)
        if length >= GROUP_LENGTH:
            yield "".join(parts)
            parts, length = [], 0
    yield "".join(parts)


def _split(text: str, end: str) -> list[str]:
    if end == "\n":
        return list(io.StringIO(text, newline=end))
    parts = text.split(end)  # StringIO would write every LF as CR
    return [part + end for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def _groups(lines: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(lines), GROUP_LINES):
        yield lines[start : start + GROUP_LINES]


def _check_length(key: str, number: int, length: int, max_length: int) -> None:
    if length > max_length:
        raise too_long(key, f"line {number:,}", max_length)


def too_long(key: str, where: str, max_length: int) -> FileRefusedError:
    """Return the error for a record past the set maximum."""
    return FileRefusedError(
        f"{key}: the record at {where} is longer than {max_length:,} characters. A quote or bracket may not be closed; "
        "if the record is right, raise max_record_length of the table.",
    )


def without_end(line: str) -> str:
    """Return a record as it stands in the file, without what ends it."""
    return line.removesuffix("\n").removesuffix("\r")


def without_ends(lines: list[str]) -> list[str]:
    """Return what `without_end` does for each line."""
    text = "".join(lines)
    if "\r" in text or text.count("\n") < len(lines):
        return [without_end(line) for line in lines]
    return text.split("\n")[:-1]
