"""What a person must confirm before it reaches a target."""

from transformation.delta.compare import Comparison, Counts
from utils.errors import SchemaDriftError, TooManyDeletesError
from utils.export_table import ExportTable

FEW = 10  # rows that may be deleted at once whatever share of a small table they are


def refuse_suspicious(comparison: Comparison, table: ExportTable, accepted: frozenset[str]) -> None:
    """Raise the error that says what to confirm, unless it was."""
    if comparison.dropped and "dropped_columns" not in accepted:
        raise SchemaDriftError(
            f"The export of {table.name} no longer has {', '.join(comparison.dropped)}. Export it again with them; "
            'or, if they were dropped on purpose, start it with {"accept_dropped_columns": true}, or run it with '
            "--accept-dropped-columns: their values in the target stay as they are.",
            table=table.name,
        )
    if too_many_deletes(comparison.counts, table.max_deleted_share) and "deletes" not in accepted:
        counts = comparison.counts
        raise TooManyDeletesError(
            f"{counts.deleted:,} of {counts.before:,} rows of {table.name} are not in the new export; "
            f"max_deleted_share allows {table.max_deleted_share:.0%} at once. Export it again if it is not whole; "
            'if they were meant to go, start it with {"accept_deletes": true}, or run it with --accept-deletes.',
            table=table.name,
            deleted=counts.deleted,
        )


def too_many_deletes(counts: Counts, share: float) -> bool:
    """Tell whether so many rows are gone that the export is likelier broken."""
    return counts.deleted > FEW and counts.deleted > share * counts.before
