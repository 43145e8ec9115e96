"""A clean CSV on the short way: its header is read here, and COPY reads the rest."""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from itertools import chain

from transformation.records.compression import decompressed
from transformation.records.csv_lines import open_reader
from transformation.records.formats import Kind, format_of
from transformation.records.header import column_positions
from transformation.records.text import decoded
from utils.errors import NotPlainError
from utils.file_table import CsvFormat, FileTable
from utils.records import PlainCopy

# PostgreSQL's names of the encodings in which every ASCII byte is that character, and no other.
ENCODINGS = {
    "utf-8": "UTF8",
    "ascii": "UTF8",
    **{f"iso8859-{part}": f"LATIN{part}" for part in range(1, 5)},
    "iso8859-15": "LATIN9",
    **{f"cp{page}": f"WIN{page}" for page in range(1250, 1259)},
    "koi8-r": "KOI8R",
    "koi8-u": "KOI8U",
}
BOM = b"\xef\xbb\xbf"
END_MARK = re.compile(rb"(?:\A|[\r\n])\\\.(?:[\r\n]|\Z)")  # servers before 18 stop reading there, and say nothing


def plain_copy(table: FileTable, key: str, blocks: Iterable[bytes]) -> PlainCopy | None:
    """Return a CSV as COPY may read it by itself, or None when its records have to be looked at.

    Whatever the answer, blocks were taken: open the file again to read its records.
    """
    form, encoding = format_of(key), ENCODINGS.get(table.csv.encoding)
    if form.kind is not Kind.CSV or table.has_rules or table.ignored or encoding is None:
        return None
    split = _split_header(table, decompressed(key, blocks, form.compression))
    if split is None:
        return None
    head, rest = split
    text = "".join(decoded(key, [head], table.csv.encoding))
    header = next(open_reader(list(io.StringIO(text, newline="\n")), table.csv))
    positions = column_positions(table, key, header)
    columns = tuple(name for _, name in sorted(zip(positions, table.column_names, strict=True)))
    guarded = _guarded(table, key, rest)
    return PlainCopy(columns, guarded, table.csv.delimiter, table.csv.quote, table.csv.null, encoding)


def _split_header(table: FileTable, blocks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]] | None:
    """Return the first record's bytes and the blocks behind it, or None where it is not found at once."""
    head = b""
    for block in blocks:
        head += block
        length = _header_length(head, table.csv)
        if length is not None:
            return head[:length], chain((head[length:],), blocks)
        if len(head) > table.max_record_length:
            break
    return None


def _header_length(head: bytes, form: CsvFormat) -> int | None:
    """Return how many bytes the first record has; a byte is a character here, whatever it will be decoded as."""
    text = head.removeprefix(BOM).decode("latin-1")
    lines = [line for line in io.StringIO(text, newline="\n") if line.endswith("\n")]
    reader = open_reader(lines, form)
    try:
        next(reader)
    except (StopIteration, csv.Error):
        return None
    return len(head) - len(text) + sum(map(len, lines[: reader.line_num]))


def _guarded(table: FileTable, key: str, blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Pass on whole lines, or raise NotPlainError where COPY would silently read something else."""
    quotes = _Quotes(table.csv)
    for lines in _whole_lines(table, key, blocks):
        if b"\\." in lines and END_MARK.search(lines):
            raise NotPlainError(f"{key} has a line that is \\. alone, which COPY may take for the end.")
        if not quotes.are_plain(lines):
            raise NotPlainError(f"{key} has a quote inside a value, which COPY would leave out.")
        if quotes.open_bytes > table.max_record_length:  # PostgreSQL would gather up to a gigabyte of it in memory
            raise NotPlainError(f"{key} has a quote that is not closed within {table.max_record_length:,} bytes.")
        yield lines


def _whole_lines(table: FileTable, key: str, blocks: Iterator[bytes]) -> Iterator[bytes]:
    left = b""
    for block in blocks:
        end = block.rfind(b"\n") + 1
        if end:
            yield left + block[:end]
        left = block[end:] if end else left + block
        if len(left) > table.max_record_length:
            raise NotPlainError(f"{key} has a line longer than {table.max_record_length:,} bytes.")
    if left:
        yield left


class _Quotes:
    """Follows through a file whether quotes stand only around values, or doubled inside of those."""

    def __init__(self, form: CsvFormat) -> None:
        self._quote = form.quote.encode()
        self._beside = {form.delimiter.encode(), b"\n", b"\r", b""}
        self._is_inside = False
        self.open_bytes = 0  # behind the last quote, where it opened a value

    def are_plain(self, lines: bytes) -> bool:
        """Tell it for some more lines."""
        if self._quote not in lines:
            self.open_bytes += len(lines) if self._is_inside else 0
            return True
        parts = lines.split(self._quote)
        first_outside = 1 if self._is_inside else 0
        self._is_inside ^= len(parts) % 2 == 0
        self.open_bytes = len(parts[-1]) if self._is_inside else 0
        before, after = parts[first_outside:-1:2], parts[first_outside or 2 :: 2]
        return all(part[-1:] in self._beside for part in before) and all(part[:1] in self._beside for part in after)
