"""Where a CSV's quotes are, which Python's reader does not tell."""

import re
from collections.abc import Sequence
from functools import lru_cache

from utils.file_table import CsvFormat


def has_bare_quote(text: str, form: CsvFormat) -> bool:
    """Tell whether a quote stands inside a value that does not begin with one; programs disagree on what it means.

    Between quotes, every second part is outside of them and must end where a value may begin.
    """
    before = {form.delimiter, "\n", "\r", ""}
    return any(part[-1:] not in before for part in text.split(form.quote)[:-1:2])


def quoted_nulls(rows: Sequence[Sequence[str]], raws: Sequence[str], form: CsvFormat) -> list[tuple[int, int]]:
    """Return row and position of every value that looks like NULL but is quoted, and so is a text."""
    quoted = form.quote + form.null + form.quote
    found = [number for number, raw in enumerate(raws) if quoted in raw]
    return [
        (number, position)
        for number in found
        for position, spelling in zip(range(len(rows[number])), _spellings(raws[number], form), strict=False)
        if spelling == quoted
    ]


def _spellings(raw: str, form: CsvFormat) -> list[str]:
    """Return a record's values as the file writes them, and perhaps an empty one more."""
    spellings: list[str] = _spelling(form.delimiter, form.quote).findall(raw)
    return spellings


@lru_cache
def _spelling(delimiter: str, quote: str) -> re.Pattern[str]:
    q, d = re.escape(quote), re.escape(delimiter)
    return re.compile(f"({q}[^{q}]*(?:{q}{q}[^{q}]*)*{q}|[^{d}]*)(?:{d}|\\Z)")
