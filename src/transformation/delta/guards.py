"""What a person must confirm before it reaches a target."""

from transformation.delta.compare import Comparison
from utils.deletes import too_many_deletes
from utils.errors import SchemaDriftError, TooManyDeletesError
from utils.export_table import ExportTable


def refuse_suspicious(comparison: Comparison, table: ExportTable, accepted: frozenset[str]) -> None:
    """Raise the error that says what to confirm, unless it was."""
    if comparison.dropped and "dropped_columns" not in accepted:
        raise SchemaDriftError(
            f"The export of {table.name} no longer has {', '.join(comparison.dropped)}. Export it again with them; "
            'or, if they were dropped on purpose, start it with {"accept_dropped_columns": true}, or run it with '
            "--accept-dropped-columns: their values in the target stay as they are.",
            table=table.name,
        )
    counts = comparison.counts
    if too_many_deletes(counts.deleted, counts.before, table.max_deleted_share) and "deletes" not in accepted:
        raise TooManyDeletesError(
            f"{counts.deleted:,} of {counts.before:,} rows of {table.name} are not in the new export; "
            f"max_deleted_share allows {table.max_deleted_share:.0%} at once. Export it again if it is not whole; "
            'if they were meant to go, start it with {"accept_deletes": true}, or run it with --accept-deletes.',
            table=table.name,
            deleted=counts.deleted,
        )
