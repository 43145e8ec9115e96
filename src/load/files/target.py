"""The table of one file and how that file is written to it."""

from dataclasses import dataclass

from load.files.copying import Destination
from load.files.tables import Prepared
from utils.file_table import FileTable, Mode, NewContent, Repeated
from utils.postgres.names import identifier
from utils.postgres.session import Session


@dataclass(frozen=True)
class Target:
    """A prepared table, and the file that fills it."""

    prepared: Prepared
    file: str  # as the file column holds it
    mode: Mode

    @property
    def table(self) -> FileTable:
        """The table as declared, or found."""
        return self.prepared.table

    @property
    def sql(self) -> str:
        """The table's name in SQL."""
        return self.table.name.sql

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the file fills."""
        return self.table.column_names

    @property
    def refuses_repeated(self) -> bool:
        """Tell whether rows that share a key with an earlier one of the file are rejected."""
        return self.table.repeated is Repeated.REJECT

    @property
    def upserts(self) -> bool:
        """Tell whether a row takes the place of the table's row of its key."""
        return self.mode is Mode.UPSERT or self.table.repeated is Repeated.KEEP_LAST

    @property
    def refuses_known(self) -> bool:
        """Tell whether rows are rejected whose key the table has."""
        return self.refuses_repeated and not self.upserts

    @property
    def replaces_partition(self) -> bool:
        """Tell whether the file takes the place of all rows of its partitions."""
        return self.mode is Mode.REPLACE_PARTITION

    @property
    def needs_staging(self) -> bool:
        """Tell whether rows must meet each other, or the table's, before they are written."""
        return self.upserts or self.refuses_repeated or self.replaces_partition

    @property
    def straight(self) -> Destination:
        """The table itself, for rows that nothing has to be compared with."""
        if not self.table.file_column:
            return Destination(self.table.name, self.columns)
        return Destination(self.table.name, (*self.columns, self.table.file_column), (self.file,))

    def remove_earlier(self, session: Session) -> None:
        """Delete what the file's key brought before, if the table wants that."""
        column = self.table.file_column
        if column and self.table.new_content is NewContent.REPLACE:
            # Also when the ledger knows nothing of the key: its row may have been removed to load the file again.
            session.run(f"DELETE FROM {self.sql} WHERE {identifier(column)} = :file", file=self.file)

    def same_key(self, left: str, right: str) -> str:
        """Return the condition that two rows have the same key."""
        return " AND ".join(f"{left}.{identifier(name)} = {right}.{identifier(name)}" for name in self.table.key)
