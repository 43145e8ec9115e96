"""The records of a CSV file, column by column in the order of the table."""

import csv
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, compress

from transformation.records.batch import Batch, Values, malformed
from transformation.records.csv_lines import UNFINISHED, Fields, Parsed, open_reader, parse_lines
from transformation.records.header import column_positions
from transformation.records.quotes import quoted_nulls
from transformation.records.text import line_groups, too_long, without_end
from utils.errors import FileRefusedError
from utils.file_table import CsvFormat, FileTable
from utils.records import Rejected


def read_csv(table: FileTable, key: str, texts: Iterable[str]) -> Iterator[Batch]:
    """Return the records in batches, or raise FileRefusedError when the header does not fit the table."""
    # A limit of the whole process, which no other module of ours relies on.
    csv.field_size_limit(max(csv.field_size_limit(), min(sys.maxsize, table.max_record_length)))
    groups = line_groups(key, texts, table.max_record_length)
    header, pending = read_header(table, key, groups)
    layout = _Layout(table.csv, len(header), column_positions(table, key, header.fields))
    number = header.lines + 1
    for group in chain(([],), groups):
        lines = [*pending, *group]
        parsed = parse_lines(lines, number, table.csv)
        pending, number = lines[parsed.used :], number + parsed.used
        _check_lengths(table, key, [*parsed.raws, "".join(pending)], [*parsed.numbers, number])
        yield layout.batch(parsed)
    if pending:
        raw = without_end("".join(pending))
        empty: list[Values] = [[] for _ in table.columns]
        yield Batch(empty, [], [], [malformed(number, "is not CSV: a quote is not closed", raw)])


@dataclass(frozen=True)
class Header:
    """A file's first record."""

    fields: Fields
    lines: int

    def __len__(self) -> int:
        return len(self.fields)


def read_header(table: FileTable, key: str, groups: Iterator[list[str]]) -> tuple[Header, list[str]]:
    """Return the first record and the lines read behind it, or raise FileRefusedError."""
    lines: list[str] = []
    for group in groups:
        lines += group
        reader = open_reader(lines, table.csv)
        try:
            return Header(next(reader), reader.line_num), lines[reader.line_num :]
        except csv.Error as error:
            if str(error) != UNFINISHED:
                raise FileRefusedError(f"{key}: its header is not CSV: {error}. Mend it, and drop it again.") from error
        _check_lengths(table, key, ["".join(lines)], [1])
    if lines:
        raise FileRefusedError(f"{key}: a quote in its header is not closed. Mend it, and drop it again.")
    raise FileRefusedError(f"{key} is empty. A CSV's first line names the columns, also when no row follows.")


def _check_lengths(table: FileTable, key: str, raws: list[str], numbers: list[int]) -> None:
    if max(map(len, raws), default=0) <= table.max_record_length:
        return
    for raw, number in zip(raws, numbers, strict=True):
        if len(raw) > table.max_record_length:
            raise too_long(key, f"line {number:,}", table.max_record_length)


@dataclass(frozen=True)
class _Layout:
    """How the file's columns become the table's."""

    form: CsvFormat
    width: int
    positions: list[int]

    def batch(self, parsed: Parsed) -> Batch:
        """Return the records that have as many values as the header, and the others as malformed."""
        ragged = [] if set(map(len, parsed.rows)) <= {self.width} else self._take_ragged(parsed)
        by_position: list[Values] = [list(values) for values in zip(*parsed.rows, strict=True)]
        if not by_position:
            by_position = [[] for _ in range(self.width)]
        self._set_nulls(by_position, parsed)
        columns = [by_position[position] for position in self.positions]
        return Batch(columns, parsed.numbers, parsed.raws, parsed.malformed + ragged)

    def _take_ragged(self, parsed: Parsed) -> list[Rejected]:
        if self.width == 1:  # there an empty line is an empty value; elsewhere it is no record
            parsed.rows = [row or [""] for row in parsed.rows]
        fits = [len(row) == self.width for row in parsed.rows]
        ragged = [
            malformed(number, f"has {len(row):,} values, where the header has {self.width:,}", raw)
            for row, number, raw, is_fit in zip(parsed.rows, parsed.numbers, parsed.raws, fits, strict=True)
            if row and not is_fit
        ]
        parsed.rows, parsed.raws = list(compress(parsed.rows, fits)), list(compress(parsed.raws, fits))
        parsed.numbers = list(compress(parsed.numbers, fits))
        return ragged

    def _set_nulls(self, by_position: list[Values], parsed: Parsed) -> None:
        null = self.form.null
        for position, values in enumerate(by_position):
            if null in values:
                by_position[position] = [None if value == null else value for value in values]
        for number, position in quoted_nulls(parsed.rows, parsed.raws, self.form):
            by_position[position][number] = null
