"""The records of a JSON file: the elements of one array, decoded as the text passes by."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from transformation.records.batch import Batch
from transformation.records.json_columns import Layout, Records
from transformation.records.json_text import DECODER
from transformation.records.text import GROUP_LINES, gathered, too_long
from utils.errors import FileRefusedError
from utils.file_table import FileTable

SPACE = " \t\r\n"
AFTER = re.compile(r"[ \t\r\n]*([,\]])[ \t\r\n]*")
LONGEST_TOKEN = 16  # characters; where a token is cut off, the decoder's error is no further than this from the end


def read_json_array(table: FileTable, key: str, texts: Iterable[str]) -> Iterator[Batch]:
    """Return the array's elements in batches, or raise FileRefusedError where it is no such array."""
    layout = Layout(table)
    window = _Window(key, gathered(texts), table.max_record_length)
    window.open_array()
    while not window.is_closed:
        yield layout.batch(window.take_elements())
    window.check_end()


@dataclass
class _Window:
    """The part of the text that is in memory, and how far it is read."""

    key: str
    texts: Iterator[str]
    max_length: int
    text: str = ""
    at: int = 0
    elements: int = 0
    line: int = 1
    is_closed: bool = False

    def open_array(self) -> None:
        """Go behind the bracket that opens the array."""
        while not self.text:
            self.text = self._next("it is empty; an array without records is []").lstrip(SPACE)
        if self.text[0] != "[":
            advice = "; JSONL, an object a line, has a name that ends in .jsonl" if self.text[0] == "{" else ""
            raise self._error(f"it does not begin with [{advice}")
        self.text = self.text[1:].lstrip(SPACE)
        while not self.text:
            self.text = self._next("its array is not closed").lstrip(SPACE)
        if self.text[0] == "]":
            self.is_closed, self.at = True, 1

    def take_elements(self) -> Records:
        """Return the elements that lie whole in the window, with what follows each; at least one."""
        records = Records([], [], [], [])
        while not self.is_closed and len(records.values) < GROUP_LINES:
            taken = self._take_element(records)
            if not taken and records.values:
                break
            if not taken:
                self._widen()
        return records

    def _take_element(self, records: Records) -> bool:
        try:
            value, end = DECODER.raw_decode(self.text, self.at)
        except json.JSONDecodeError as error:
            self._refuse_unless_cut(error)
            return False
        except RecursionError as error:
            raise self._error("it is nested too deeply") from error
        after = AFTER.match(self.text, end)
        if not after:
            if self.text[end:].strip(SPACE):
                raise self._error("a comma is missing behind it")
            return False
        self._check_length(end - self.at)
        self.elements += 1
        records.values.append(value)
        records.numbers.append(self.elements)
        records.raws.append(self.text[self.at : end])
        self.at, self.is_closed = after.end(), after[1] == "]"
        return True

    def _refuse_unless_cut(self, error: json.JSONDecodeError) -> None:
        """A text that goes on may mend only what is wrong at its end, or a quote that is still open."""
        if error.msg.startswith("Unterminated string") or error.pos >= len(self.text) - LONGEST_TOKEN:
            return
        raise self._error(f"{error.msg} at line {self._line_at(error.pos):,}") from error

    def _widen(self) -> None:
        """Drop what is read, and read on."""
        self._check_length(len(self.text) - self.at)
        more = self._next("the file ends in the middle; drop it again, whole")
        left = self.text[self.at :] + more
        text = left.lstrip(SPACE)
        self.line = self._line_at(self.at) + left.count("\n", 0, len(left) - len(text))
        self.text, self.at = text, 0

    def check_end(self) -> None:
        """Refuse what stands behind the array: nobody would ever learn that it was not loaded."""
        rests = chain((self.text[self.at :],), self.texts)
        if any(rest.strip(SPACE) for rest in rests):
            raise self._error("something stands behind the array; a file holds one")

    def _next(self, problem: str) -> str:
        for text in self.texts:
            if text:
                return text
        raise self._error(problem)

    def _check_length(self, length: int) -> None:
        if length > self.max_length:
            raise too_long(self.key, f"element {self.elements + 1:,}", self.max_length)

    def _line_at(self, position: int) -> int:
        return self.line + self.text.count("\n", 0, position)

    def _error(self, problem: str) -> FileRefusedError:
        where = f", element {self.elements + 1:,}" if self.text else ""
        return FileRefusedError(f"{self.key} is not an array of JSON{where}: {problem}.")
