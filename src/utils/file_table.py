"""A table that dropped files go to, as `files/<table>.toml` of a project declares it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from utils.postgres.names import TableName

MAX_RECORD_LENGTH = 4 << 20  # characters; as text, as values and as a line of COPY, a record is held a dozen times


class Mode(StrEnum):
    """How a file's rows meet those that the table holds."""

    APPEND = "append"
    UPSERT = "upsert"  # by the table's key
    REPLACE_PARTITION = "replace-partition"  # the rows that share a value of `replace_by` with the file's


class Repeated(StrEnum):
    """What becomes of rows of one file that share a key."""

    KEEP_LAST = "keep-last"
    REJECT = "reject"  # all but the first


class NewContent(StrEnum):
    """What a file does that comes again under a key that was loaded, with other bytes."""

    REPLACE = "replace"  # the rows that the key's earlier content brought; needs a file column
    APPEND = "append"
    UPSERT = "upsert"
    IGNORE = "ignore"


@dataclass(frozen=True)
class Rules:
    """What a column's values must be; a value that breaks one sends its row to quarantine, with that rule's name."""

    required: bool = False  # not null
    minimum: str | None = None  # compared as the column's type, both ends allowed
    maximum: str | None = None
    allowed: tuple[str, ...] = ()
    pattern: str | None = None  # a regular expression that the whole value matches
    max_length: int | None = None  # characters

    @property
    def is_empty(self) -> bool:
        """Tell whether every value would pass."""
        return self == Rules()


@dataclass(frozen=True)
class FileColumn:
    """One column of the table."""

    name: str
    type: str  # PostgreSQL's name for it, as in DDL
    source: str  # the header's name in CSV, and the member's in JSON
    rules: Rules = Rules()
    default: str | None = None  # instead of NULL
    trim: bool = False
    path: str | None = None  # in JSON, where a member's name is not enough: `location.city`, `location[0]`


@dataclass(frozen=True)
class CsvFormat:
    """How a table's CSV files are written."""

    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"
    null: str = ""  # what stands for NULL when it is not quoted


@dataclass(frozen=True)
class HashPartitions:
    """PARTITION BY HASH over these columns, into so many partitions."""

    columns: tuple[str, ...]
    count: int


@dataclass(frozen=True)
class Limits:
    """How many rows of a file may be bad before the whole file is refused; the first that is passed counts."""

    rows: int | None = None
    share: float | None = None  # of the rows read, from 0 to 1


@dataclass(frozen=True)
class FileTable:
    """Where files of one folder go, and how."""

    name: TableName
    folder: str  # of the bucket: the first part of the key
    columns: tuple[FileColumn, ...]
    key: tuple[str, ...] = ()
    mode: Mode = Mode.APPEND
    replace_by: tuple[str, ...] = ()
    repeated: Repeated | None = None  # rows of one file with the same key are not looked for
    new_content: NewContent = NewContent.REPLACE
    file_column: str | None = None  # holds the `bucket/key` that a row came from
    partitions: HashPartitions | None = None
    csv: CsvFormat = CsvFormat()
    limits: Limits = Limits()
    ignored: tuple[str, ...] = ()  # of the header or of a record's members: known, and left out
    max_record_length: int = MAX_RECORD_LENGTH
    is_declared: bool = True  # False: found in the database; created by nobody here

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of the columns that a file fills, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def has_rules(self) -> bool:
        """Tell whether values must be looked at before they are copied."""
        return any(c.trim or c.default is not None or not c.rules.is_empty for c in self.columns)


@dataclass(frozen=True)
class FileProject:
    """What a project says about dropped files."""

    tables: Mapping[str, FileTable] = field(default_factory=dict)  # by folder
    existing_schema: str | None = None  # of which tables that are there may be filled without a declaration
