"""What a person reads after a run: counts, comparisons and bars, as tables."""

from collections.abc import Iterable, Sequence

from rich.table import Table

from local.warehouse.run import COUNTS, RunReport
from local.warehouse.verification import TableComparison

COMPARED = ("rows", "missing", "extra", "different", "pending", "quarantined")
HEADINGS = {"skipped": "equal"}  # skipped because the warehouse holds the same row already
BAR = 30  # characters of the longest


def report_table(report: RunReport, title: str = "") -> Table:
    """Return a run's counts, one row per source or warehouse table that had any."""
    heading = title or (f"Batch {report.batch}" if report.batch else "Batches that waited")
    rows = (
        (name, [counts[count] for count in COUNTS]) for name, counts in report.tables.items() if any(counts.values())
    )
    return _counts(heading, [HEADINGS.get(count, count) for count in COUNTS], rows)


def comparison_table(found: Iterable[TableComparison]) -> Table:
    """Return a comparison of warehouse and source, one row per warehouse table."""
    rows = ((entry.table, [getattr(entry, column) for column in COMPARED]) for entry in found)
    return _counts("Warehouse against source", COMPARED, rows)


def bar_table(title: str, headings: tuple[str, str], rows: Sequence[tuple[str, int]]) -> Table:
    """Return a bar chart of whole numbers, one row each."""
    table = Table(*headings, "", title=title, title_justify="left", box=None)
    most = max((value for _, value in rows), default=1)
    for name, value in rows:
        table.add_row(name, f"{value:,}", "█" * max(1, round(BAR * value / most)))
    return table


def _counts(title: str, columns: Sequence[str], rows: Iterable[tuple[str, Sequence[int]]]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("table", no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right")
    for name, values in rows:
        table.add_row(name, *(f"{value:,}" if value else "·" for value in values))
    return table
