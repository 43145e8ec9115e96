"""The records of a JSONL file: an object or an array a line."""

import json
from collections.abc import Iterable, Iterator

from transformation.records.batch import Batch, malformed
from transformation.records.json_columns import Layout, Records
from transformation.records.json_text import DECODER, Value
from transformation.records.text import line_groups, without_end
from utils.errors import FileRefusedError
from utils.file_table import FileTable


def read_json_lines(table: FileTable, key: str, texts: Iterable[str]) -> Iterator[Batch]:
    """Return the records in batches; a line that is not JSON is malformed, and the others stand."""
    layout, number = Layout(table), 1
    for group in line_groups(key, texts, table.max_record_length):
        if number == 1 and layout.shape is dict and group[0].lstrip().startswith("["):
            raise FileRefusedError(f"{key} is not JSONL, an object a line, but an array. End its name in .json.")
        yield layout.batch(_decode(group, number))
        number += len(group)


def _decode(lines: list[str], first: int) -> Records:
    records = Records([], [], [], [])
    for number, line in enumerate(lines, first):
        if line.isspace():
            continue
        try:
            value = _decode_line(line)
        except (ValueError, RecursionError) as error:
            records.malformed.append(malformed(number, f"is not JSON: {_told(error)}", without_end(line)))
            continue
        records.values.append(value)
        records.numbers.append(number)
        records.raws.append(line)
    records.raws = list(map(without_end, records.raws))
    return records


def _decode_line(line: str) -> Value:
    if line[0] == "{":  # nearly always, and then there is a quicker way
        value, end = DECODER.raw_decode(line)
        if line[end:] in {"\n", "\r\n", ""}:
            return value
    return DECODER.decode(line)


def _told(error: Exception) -> str:
    return f"{error.msg} at character {error.pos + 1}" if isinstance(error, json.JSONDecodeError) else "nested too deep"
