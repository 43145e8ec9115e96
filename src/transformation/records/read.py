"""A dropped file's bytes into records that may enter its table, and those that may not."""

from collections.abc import Callable, Iterable, Iterator

from transformation.records.batch import Batch
from transformation.records.compression import decompressed
from transformation.records.csv_records import read_csv
from transformation.records.formats import Kind, format_of
from transformation.records.text import decoded
from utils.file_table import FileTable
from utils.records import Chunk

Reader = Callable[[FileTable, str, Iterable[str]], Iterator[Batch]]
READERS: dict[Kind, Reader] = {Kind.CSV: read_csv}


def read_chunks(table: FileTable, key: str, blocks: Iterable[bytes]) -> Iterator[Chunk]:
    """Return a file's records in chunks, checked by the table's rules, in memory that does not grow with the file.

    Raises FileRefusedError when the file as a whole cannot be what its name and the table say.
    """
    form = format_of(key)
    encoding = table.csv.encoding if form.kind is Kind.CSV else "utf-8"
    texts = decoded(key, decompressed(key, blocks, form.compression), encoding)
    for batch in READERS[form.kind](table, key, texts):
        if batch.lines or batch.malformed:
            rows = list(zip(*batch.columns, strict=True))
            yield Chunk(rows, batch.lines, batch.raws, batch.malformed)
