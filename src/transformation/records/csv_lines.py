"""Lines of a CSV into records: their values, where each begins, and how each stands in the file."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import compress, pairwise
from typing import TYPE_CHECKING

from transformation.records.batch import malformed
from transformation.records.quotes import has_bare_quote
from transformation.records.text import without_end
from utils.file_table import CsvFormat
from utils.records import Rejected

if TYPE_CHECKING:
    from _csv import Reader

Fields = list[str]
UNFINISHED = "unexpected end of data"  # the csv module's words for a quote that the last line leaves open
BARE_QUOTE = "a quote stands inside a value that does not begin with one; put the value in quotes and write it twice"


@dataclass
class Parsed:
    """The whole records at the beginning of some lines."""

    rows: list[Fields] = field(default_factory=list)
    numbers: Sequence[int] = ()  # of the line at which each begins, in the file
    raws: list[str] = field(default_factory=list)
    malformed: list[Rejected] = field(default_factory=list)
    used: int = 0  # lines; those behind them are of a record that goes on


def open_reader(lines: Sequence[str], form: CsvFormat) -> "Reader":
    """Return the csv module's reader, set to refuse what it would otherwise guess at."""
    return csv.reader(lines, delimiter=form.delimiter, quotechar=form.quote, strict=True)


def parse_lines(lines: list[str], number: int, form: CsvFormat) -> Parsed:
    """Return the records of lines, the first of which has that number in the file."""
    try:
        rows = list(open_reader(lines, form))
    except csv.Error:
        rows = []
    if len(rows) != len(lines):  # a record of several lines, or a broken one: which line is whose must be followed
        return _follow(lines, number, form)
    raws = [without_end(line) for line in lines]
    parsed = Parsed(rows, range(number, number + len(lines)), raws, [], len(lines))
    return _without_bare_quotes(parsed, form)


def _follow(lines: list[str], number: int, form: CsvFormat) -> Parsed:
    parsed, starts = Parsed(), list[int]()
    while parsed.used < len(lines):
        rows, ends, problem = _read_until_broken(lines[parsed.used :], form)
        bounds = [parsed.used, *(parsed.used + end for end in ends)]
        whole = bounds[: len(rows) + 1]
        parsed.rows += rows
        parsed.raws += ["".join(lines[start:end]) for start, end in pairwise(whole)]
        starts += whole[:-1]
        parsed.used = whole[-1]
        if problem == UNFINISHED:
            break
        if problem:
            raw = without_end("".join(lines[whole[-1] : bounds[-1]]))
            parsed.malformed.append(malformed(number + whole[-1], f"is not CSV: {problem}", raw))
            parsed.used = bounds[-1]
    parsed.raws = [without_end(raw) for raw in parsed.raws]
    parsed.numbers = [number + start for start in starts]
    return _without_bare_quotes(parsed, form)


def _read_until_broken(lines: list[str], form: CsvFormat) -> tuple[list[Fields], list[int], str]:
    """Return records, the line behind each and behind the broken one, and what is wrong with that."""
    reader, rows, ends = open_reader(lines, form), list[Fields](), list[int]()
    try:
        for row in reader:
            rows.append(row)
            ends.append(reader.line_num)
    except csv.Error as error:
        return rows, [*ends, reader.line_num], str(error)
    return rows, ends, ""


def _without_bare_quotes(parsed: Parsed, form: CsvFormat) -> Parsed:
    if not has_bare_quote("\n".join(parsed.raws), form):
        return parsed
    bare = [has_bare_quote(raw, form) for raw in parsed.raws]
    found = compress(zip(parsed.numbers, parsed.raws, strict=True), bare)
    parsed.malformed += [malformed(number, BARE_QUOTE, raw) for number, raw in found]
    clean = [not is_bare for is_bare in bare]
    parsed.rows, parsed.raws = list(compress(parsed.rows, clean)), list(compress(parsed.raws, clean))
    parsed.numbers = list(compress(parsed.numbers, clean))
    return parsed
