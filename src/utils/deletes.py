"""When so many rows are gone at once that a person should look first."""

MAX_DELETED_SHARE = 0.25  # more at once is likelier a mistake in the source than its will
FEW = 10  # rows that may be deleted at once whatever share of a small table they are


def too_many_deletes(deleted: int, rows: int, share: float) -> bool:
    """Tell whether so many of a table's rows are gone that its source is likelier broken."""
    return deleted > FEW and deleted > share * rows
