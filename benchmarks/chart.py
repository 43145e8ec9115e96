"""Small charts as SVG: panels beside each other, each with one line a series over the same x axis."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 300, 190  # of a panel's plot
LEFT, TOP, GAP, BOTTOM = 56, 64, 72, 44
COLOURS = ("#c2601a", "#2563a8")
STYLE = "text{font:12px sans-serif;fill:#333}.t{font-weight:600}.g{stroke:#ddd}.l{fill:none;stroke-width:1.3}"


@dataclass(frozen=True)
class Series:
    """One line."""

    name: str
    values: Sequence[float]


@dataclass(frozen=True)
class Panel:
    """One plot, its y axis from zero."""

    title: str
    unit: str
    series: Sequence[Series]


def draw(title: str, x_label: str, panels: Sequence[Panel]) -> str:
    """Return the SVG's text; every series of every panel has a value for each x from 1."""
    width = LEFT + len(panels) * (WIDTH + GAP)
    height = TOP + HEIGHT + BOTTOM
    legend = "".join(_legend(place, series.name) for place, series in enumerate(panels[0].series))
    body = "".join(_panel(panel, LEFT + place * (WIDTH + GAP), x_label) for place, panel in enumerate(panels))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        f'<style>{STYLE}</style><rect width="100%" height="100%" fill="white"/>'
        f'<text class="t" x="{LEFT}" y="20">{escape(title)}</text>{legend}{body}</svg>\n'
    )


def _legend(place: int, name: str) -> str:
    x = LEFT + place * 160
    line = f'<line x1="{x}" x2="{x + 20}" y1="36" y2="36" stroke="{COLOURS[place]}" stroke-width="2"/>'
    return f'{line}<text x="{x + 26}" y="40">{escape(name)}</text>'


def _panel(panel: Panel, x: int, x_label: str) -> str:
    top = _round_up(max(max(series.values) for series in panel.series))
    count = len(panel.series[0].values)
    grid = "".join(_grid(x, step / 4, top) for step in range(5))
    lines = "".join(_line(series, x, top, COLOURS[place]) for place, series in enumerate(panel.series))
    foot = f'<text x="{x}" y="{TOP + HEIGHT + 18}">1</text><text x="{x + WIDTH}" y="{TOP + HEIGHT + 18}" '
    foot += f'text-anchor="end">{count}</text><text x="{x + WIDTH / 2}" y="{TOP + HEIGHT + 34}" '
    foot += f'text-anchor="middle">{escape(x_label)}</text>'
    head = f'<text class="t" x="{x}" y="{TOP - 8}">{escape(panel.title)} ({escape(panel.unit)})</text>'
    return head + grid + lines + foot


def _grid(x: int, share: float, top: float) -> str:
    y = TOP + HEIGHT * (1 - share)
    label = f'<text x="{x - 6}" y="{y + 4:.0f}" text-anchor="end">{top * share:,.10g}</text>'
    return f'<line class="g" x1="{x}" x2="{x + WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>{label}'


def _line(series: Series, x: int, top: float, colour: str) -> str:
    step = WIDTH / max(1, len(series.values) - 1)
    points = (
        f"{x + place * step:.1f},{TOP + HEIGHT * (1 - value / top):.1f}" for place, value in enumerate(series.values)
    )
    return f'<polyline class="l" stroke="{colour}" points="{" ".join(points)}"/>'


def _round_up(value: float) -> float:
    """Return a multiple of four steps of one digit, not below the value."""
    unit = 10 ** (len(str(int(value))) - 1)
    return next(unit * step for step in (1, 2, 4, 6, 8, 10, 12, 16, 20) if unit * step >= value)
