"""A dropped file's bytes into records that may enter its table, and those that may not."""

import gc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from transformation.records.batch import Batch
from transformation.records.compression import decompressed
from transformation.records.csv_records import read_csv
from transformation.records.formats import Kind, format_of
from transformation.records.json_array import read_json_array
from transformation.records.json_lines import read_json_lines
from transformation.records.text import decoded
from transformation.records.validate import validator
from utils.file_table import FileTable
from utils.records import Chunk

Reader = Callable[[FileTable, str, Iterable[str]], Iterator[Batch]]
READERS: dict[Kind, Reader] = {Kind.CSV: read_csv, Kind.JSON: read_json_array, Kind.JSONL: read_json_lines}


def read_chunks(table: FileTable, key: str, blocks: Iterable[bytes]) -> Iterator[Chunk]:
    """Return a file's records in chunks, checked by the table's rules, in memory that does not grow with the file.

    Raises FileRefusedError when the file as a whole cannot be what its name and the table say.
    """
    form = format_of(key)
    encoding = table.csv.encoding if form.kind is Kind.CSV else "utf-8"
    texts = decoded(key, decompressed(key, blocks, form.compression), encoding)
    batches, validate = READERS[form.kind](table, key, texts), validator(table)
    while True:
        with _collector_paused():
            batch = next(batches, None)
            chunk = validate(batch) if batch else None
        if chunk is None:
            return
        if chunk.rows or chunk.rejected:
            yield chunk


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Keep Python's collector from looking through thousands of new lists for cycles, a fifth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
