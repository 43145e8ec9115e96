"""The calendar's range: whole years that cover every date which any row holds."""

from collections.abc import Iterable

Range = tuple[str, str]


def grown(before: Range | None, dates: Iterable[str]) -> Range | None:
    """Return the range as whole years that covers what it covered before and every date, None when there is none."""
    years = [int(date[:4]) for date in (*(before or ()), *dates)]
    return (f"{min(years):04}-01-01", f"{max(years):04}-12-31") if years else None
