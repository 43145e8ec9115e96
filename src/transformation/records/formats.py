"""What a file is by its name: how it is written, and how it is compressed."""

from dataclasses import dataclass
from enum import StrEnum

from utils.errors import FileRefusedError


class Kind(StrEnum):
    """How a file's records are written."""

    CSV = "csv"
    JSON = "json"  # one array of records
    JSONL = "jsonl"  # a record a line


class Compression(StrEnum):
    """How a file's bytes are compressed."""

    NONE = ""
    GZIP = "gz"
    ZSTD = "zst"


KINDS = {".csv": Kind.CSV, ".json": Kind.JSON, ".jsonl": Kind.JSONL, ".ndjson": Kind.JSONL}
COMPRESSIONS = {".gz": Compression.GZIP, ".zst": Compression.ZSTD}


@dataclass(frozen=True)
class Format:
    """What a file's name says of its content."""

    kind: Kind
    compression: Compression = Compression.NONE


def format_of(key: str) -> Format:
    """Return what a key's suffixes say, in capitals or not, or raise FileRefusedError that names those we know."""
    name = key.rpartition("/")[2].lower()
    compression = next((suffix for suffix in COMPRESSIONS if name.endswith(suffix)), "")
    plain = name.removesuffix(compression)
    for suffix, kind in KINDS.items():
        if plain.endswith(suffix):
            return Format(kind, COMPRESSIONS.get(compression, Compression.NONE))
    raise FileRefusedError(
        f"{key} does not say by its name what it is. Known are {', '.join(KINDS)}, each also with .gz or .zst."
    )
