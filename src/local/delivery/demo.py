"""`make demo-delivery`: records in by POST, a query over them, batches out to an endpoint that fails for a while."""

import json
import random
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from local.delivery.rig import FUNCTIONS, InvocationError, Rig, running_rig
from local.delivery.sink import Running, Sink, running_sink
from local.delivery.sink_faults import Cut, Fault
from local.delivery.sink_store import SinkStore
from local.packaging.build_target import here
from local.packaging.packages import ROOT, Build, PackageError, build_packages
from local.reports import bar_table
from local.telling import Teller, run_demo

PROJECT = ROOT / "projects/sensors"
READINGS = 3_000
LATE = 50
STEPS = 8
HOURS = 20  # that the readings are spread over; a sensor may keep one for a day
PER_POST = 500
SENSORS = ("boiler", "freezer", "hall", "oven", "roof")
OUTAGE = (Fault(status=503, times=9), Fault(status=429, retry_after="1"), Fault(cut=Cut.STORED))
DEADLINE_SECONDS = 120.0

Reading = dict[str, Any]


@dataclass
class _Demo:
    teller: Teller
    rig: Rig
    endpoint: Running
    draw: random.Random = field(default_factory=lambda: random.Random(7))  # noqa: S311 - the same readings each time
    accepted: list[Reading] = field(default_factory=list)

    def post(self, readings: object, key: str | None = "demo") -> tuple[int, dict[str, Any]]:
        """Post readings as a sensor does, and return status and answer."""
        headers = {"Content-Type": "application/json", **({"x-api-key": key} if key else {})}
        request = urllib.request.Request(self.rig.url, json.dumps(readings).encode(), headers)  # noqa: S310 - loopback
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - loopback
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def reading(self, hours_ago: float) -> Reading:
        """Return what a sensor measured so long ago, in Fahrenheit."""
        when = datetime.now(UTC) - timedelta(hours=hours_ago)
        return {
            "sensorId": self.draw.choice(SENSORS),
            "rawTemperature": round(self.draw.uniform(14, 212), 1),
            "rawHumidity": self.draw.randint(20, 80),
            "timestamp": when.isoformat(timespec="microseconds"),
        }

    def post_all(self, readings: list[Reading]) -> tuple[int, int]:
        """Post readings, some hundred at a time, and return how many were stored, in how many objects."""
        stored, keys = 0, set[str]()
        for start in range(0, len(readings), PER_POST):
            _, told = self.post(readings[start : start + PER_POST])
            stored += told["stored"]
            keys |= set(told["objectKeys"])
        return stored, len(keys)


def main(readings: int = READINGS) -> int:
    """Run the demo over so many readings and return the exit code."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 110)
    started = time.monotonic()
    try:
        with tempfile.TemporaryDirectory() as folder:
            whole = _run(Teller(console, STEPS), Path(folder), readings)
    except (InvocationError, PackageError) as error:
        console.print(str(error), style="bold red", markup=False)
        return 1
    console.print(f"\nDone in {time.monotonic() - started:.0f} s. Nothing is left running.")
    return 0 if whole else 1


def _run(teller: Teller, folder: Path, readings: int) -> bool:
    with teller.telling("Building the three Lambda packages (kept in build/ for the next time)"):
        packages = build_packages(Build(here(), PROJECT, say=teller.say), FUNCTIONS)
    sink = Sink(SinkStore(folder / "sink.sqlite"), ("x-door", "open"))
    with (
        running_sink(sink) as endpoint,
        running_rig(packages, PROJECT, endpoint, teller.tell_log_line) as rig,
    ):
        demo = _Demo(teller, rig, endpoint)
        _take_in(demo, readings)
        _send_out(demo)
        return _compare(demo)


def _take_in(demo: _Demo, count: int) -> None:
    teller = demo.teller
    with teller.telling(f"POST {count:,} readings of the last {HOURS} hours, {PER_POST} at a time"):
        demo.accepted += [demo.reading(demo.draw.uniform(0.05, HOURS)) for _ in range(count)]
        stored, objects = demo.post_all(demo.accepted)
        teller.say(f"200: {stored:,} stored in {objects} objects, each under its own hour")
    with teller.telling("The same POSTs again, as a sender does that got no answer"):
        teller.say(f"200: {demo.post_all(demo.accepted)[0]} stored, for all of it is there")
    with teller.telling("POSTs that are refused, whole"):
        good = demo.reading(1)
        for bad, key in (
            ([good, {**good, "rawTemperature": "hot"}, {**good, "colour": "red"}], "demo"),
            ({**good, "timestamp": "2031-01-01T00:00:00Z"}, "demo"),
            (good, None),
        ):
            _tell_refusal(demo, *demo.post(bad, key))


def _tell_refusal(demo: _Demo, status: int, told: dict[str, Any]) -> None:
    reasons = [f"{each.get('field', 'the body')}: {each['reason']}" for each in told.get("reasons", ())]
    for reason in reasons or [told.get("message", "")]:
        demo.teller.say(f"{status}: {reason}")


def _send_out(demo: _Demo) -> None:
    teller, faults = demo.teller, demo.endpoint.sink.faults
    with teller.telling("The query selects what is new, turns Fahrenheit into Celsius, and fills the queue"):
        demo.rig.invoke("query", {})
    with teller.telling("Delivery to an endpoint that is down, then asks for a pause, then loses an answer"):
        faults.set(OUTAGE)
        _deliver_all(demo)
    with teller.telling(f"{LATE} readings come late, by up to {HOURS} hours; the query looks behind its mark"):
        late = [demo.reading(demo.draw.uniform(1, HOURS)) for _ in range(LATE)]
        demo.accepted += late
        teller.say(f"200: {demo.post_all(late)[0]} stored")
        demo.rig.invoke("query", {})
        _deliver_all(demo)


def _deliver_all(demo: _Demo) -> None:
    """Hand messages to delivery until none is left."""
    end = time.monotonic() + DEADLINE_SECONDS
    while demo.rig.deliver():
        if time.monotonic() > end:
            raise InvocationError(f"The queue is not empty after {DEADLINE_SECONDS:.0f} seconds.")
        time.sleep(0.2)


def _compare(demo: _Demo) -> bool:
    store = demo.endpoint.sink.store
    with demo.teller.telling("Comparing what was accepted with what the endpoint holds"):
        held = Counter(_measured(record["sensorId"], record["timestamp"]) for record in store.records())
        sent = Counter(_measured(each["sensorId"], each["timestamp"]) for each in demo.accepted)
    by_hour = Counter(when[:13].replace("T", " ") for _, when in held)
    rows = [(f"{hour}:00", number) for hour, number in sorted(by_hour.items())]
    demo.teller.console.print(bar_table("Records at the endpoint, by hour", ("hour", "records"), rows), "")
    demo.teller.console.print(_table(demo, sent, held))
    whole = sent == held
    said = (
        "Every accepted record is at the endpoint exactly once." if whole else "The endpoint lacks or repeats records."
    )
    demo.teller.console.print(said, style="bold green" if whole else "bold red")
    return whole


def _measured(sensor: str, when: str) -> tuple[str, str]:
    """Return by whom and when something was measured, which no two readings share."""
    return sensor, datetime.fromisoformat(when).astimezone(UTC).isoformat()


def _table(demo: _Demo, sent: Counter[tuple[str, str]], held: Counter[tuple[str, str]]) -> Table:
    store = demo.endpoint.sink.store
    posts = Counter(post.status for post in store.posts())
    table = Table("", "", title="Delivery", title_justify="left", show_header=False)
    for name, number in (
        ("accepted", sent.total()),
        ("at the endpoint", held.total()),
        ("missing there", (sent - held).total()),
        ("there twice", (held - sent).total()),
        ("posted again after a lost answer, and kept once", sum(times > 1 for times in store.times().values())),
        ("dead letters", demo.rig.count(demo.rig.dead_letters)),
        *(
            (f"POSTs answered {status}" if status else "POSTs cut off", count)
            for status, count in sorted(posts.items())
        ),
    ):
        table.add_row(name, f"{number:,}")
    return table


if __name__ == "__main__":
    sys.exit(run_demo(main, sys.argv[1:], "READINGS"))
