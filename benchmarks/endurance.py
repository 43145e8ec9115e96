"""A day of a five-minute schedule, 288 runs that each find edits, over a log of 100,000 batches and over one of ten."""

import argparse
import resource
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from tests.conftest import run_on_server
from tests.long_log import lengthen
from tests.schedule import Cost, Schedule, make_schedule

from benchmarks.chart import Panel, Series, draw
from local.postgres.embedded import EmbeddedPostgres, embedded_postgres

RUNS = 288
SHORT, LONG = 10, 100_000
PAGE_BYTES = resource.getpagesize()


@dataclass(frozen=True)
class Day:
    """What each run of a day cost, in order."""

    schedule: Schedule
    length: int  # of the log when the day began
    costs: list[Cost] = field(default_factory=list)
    megabytes: list[float] = field(default_factory=list)  # resident after each run

    @property
    def seconds(self) -> list[float]:
        """Each run's time, the three stages together."""
        return [sum(cost.seconds.values()) for cost in self.costs]

    @property
    def calls(self) -> list[int]:
        """How often each run asked the two stores for anything."""
        return [sum(cost.calls.values()) for cost in self.costs]

    def run(self) -> None:
        """Edit the source and run."""
        self.costs.append(self.schedule.run_edited())
        self.megabytes.append(_resident())


def main() -> None:
    """Measure both days, print what they cost, and draw them if a file is named."""
    arguments = _parser().parse_args()
    with tempfile.TemporaryDirectory(prefix="starlift-bench-") as folder, embedded_postgres() as server:
        days = [begin_day(Path(folder), server, length) for length in (SHORT, LONG)]
        spend(days)
        report(days)
        if arguments.chart:
            arguments.chart.write_text(chart(days))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chart", type=Path, metavar="FILE", help="draw the two days into this SVG file")
    return parser


def begin_day(folder: Path, server: EmbeddedPostgres, length: int) -> Day:
    """Return a day that begins with a log of that length."""
    for name in ("source", "warehouse"):
        run_on_server(server, f"CREATE DATABASE {name}_{length}")
    urls = [server.url(f"{name}_{length}") for name in ("source", "warehouse")]
    schedule = make_schedule(folder / str(length), *urls)
    schedule.run()
    lengthen(schedule, length)
    print(f"a log of {length:,} batches is made", flush=True)
    return Day(schedule, length)


def spend(days: Sequence[Day]) -> None:
    """Run the days side by side, so that what else the machine does hits both; hold that they end right."""
    for count in range(1, RUNS + 1):
        for day in days:
            day.run()
        if count % 48 == 0:
            print(f"  {count} runs each", flush=True)
    for day in days:
        day.schedule.assert_correct()


def _resident() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES / 1e6


def report(days: Sequence[Day]) -> None:
    """Print the medians of the first and the last two hours, and the ratio of the days."""
    for day in days:
        first, last = median(day.seconds[:24]), median(day.seconds[-24:])
        grown = day.megabytes[-1] - day.megabytes[24]
        listings = sum(cost.calls["list"] for cost in day.costs)
        print(
            f"{day.length:>7,} batches: {1000 * first:.0f} ms a run in the first two hours, {1000 * last:.0f} in the "
            f"last (ratio {last / first:.2f}); {min(day.calls)} to {max(day.calls)} store calls a run, {listings} "
            f"listings a day; {day.megabytes[-1]:.0f} MB resident, {grown:+.1f} MB since the first two hours"
        )
    short, long = days
    ratios = [slow / quick for slow, quick in zip(long.seconds, short.seconds, strict=True)]
    print(f"a run over the long log / one over the short log, median of {RUNS} pairs: {median(ratios):.2f}")


def chart(days: Sequence[Day]) -> str:
    """Draw each run's seconds, store calls and memory."""
    panels = []
    for title, unit, values in (
        ("time", "ms a run", lambda day: [1000 * each for each in day.seconds]),
        ("store", "calls a run", lambda day: day.calls),
        ("memory", "MB resident", lambda day: day.megabytes),
    ):
        panels.append(Panel(title, unit, [Series(f"{day.length:,} batches", values(day)) for day in days]))
    return draw("A day of 288 runs, by the length of the log", "run", panels)


if __name__ == "__main__":
    main()
