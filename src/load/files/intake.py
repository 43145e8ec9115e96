"""The tally of one file while it is loaded, and the limits past which it is refused as a whole."""

from collections.abc import Sequence
from dataclasses import dataclass

from load.files.quarantine import QuarantineWriter
from utils.errors import FileRefusedError
from utils.file_table import Limits
from utils.records import Rejected


@dataclass
class Intake:
    """Counts rows, and hands those that may not enter to quarantine."""

    quarantine: QuarantineWriter
    limits: Limits
    read: int = 0
    copied: int = 0
    repeated: int = 0

    @property
    def rejected(self) -> int:
        """How many rows may not enter."""
        return self.quarantine.count

    def reject(self, found: Sequence[Rejected]) -> None:
        """Put rows into quarantine, or refuse the file when they are more than its limit."""
        self.quarantine.add(found)
        if self.limits.rows is not None and self.rejected > self.limits.rows:
            self._refuse(f"more than the {self.limits.rows:,} that its table allows")

    def close(self) -> None:
        """Store what was rejected, and refuse the file when that is too large a share of its rows."""
        self.quarantine.close()
        share = self.limits.share
        if share is not None and self.rejected > share * self.read:
            self._refuse(f"more than the share of {share:g} that its table allows")

    def _refuse(self, what: str) -> None:
        self.quarantine.close()
        raise FileRefusedError(
            f"{self.rejected:,} of {self.read:,} rows are bad, {what}; nothing of the file is loaded. They are in "
            f"{self.quarantine.url} with their reasons. Correct the file, or raise the table's limits.",
            rejected=self.rejected,
        )
