"""Files of vehicle readings, some records of which are bad on purpose: the same order writes the same bytes."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from local.telemetry.shape import Format, Order
from utils.errors import ConfigurationError

FOLDER = "vehicle_readings"
BEGUN = datetime(2026, 11, 1, tzinfo=UTC)
PLACES = (
    ("Paris", "France", "Europe/Paris"),
    ("Lyon", "France", "Europe/Paris"),
    ("Leeds", "United Kingdom", "Europe/London"),
    ("Porto", "Portugal", "Europe/Lisbon"),
    ("Kraków", "Poland", "Europe/Warsaw"),
    ("Winston-Salem, NC", "United States", "America/New_York"),
    ("São Paulo", "Brazil", "America/Sao_Paulo"),
    ("Nagoya", "Japan", "Asia/Tokyo"),
)
MODELS = ("Aria", "Borea 2", "Cirro EV", 'Delta 17"', "Estival")
Reading = dict[str, Any]


def write_files(folder: Path, order: Order) -> list[Path]:
    """Write the files below `<folder>/vehicle_readings`, as the bucket would hold them, and return their paths."""
    below = folder / FOLDER
    try:
        below.mkdir(parents=True, exist_ok=True)
        return [_write_file(below, order, number) for number in range(1, order.files + 1)]
    except OSError as error:
        raise ConfigurationError(f"{below} cannot be written to: {error}. Name another folder.") from error


def _write_file(folder: Path, order: Order, number: int) -> Path:
    path = folder / f"readings-{order.seed}-{number:04}.{order.format}"
    draw = Random(f"{order.seed}/{number}")  # noqa: S311 - examples, not secrets
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(WRITERS[order.format](_readings(draw, order)))
    return path


def _readings(draw: Random, order: Order) -> Iterator[Reading]:
    for number in range(order.records):
        reading = _reading(draw, number)
        yield draw.choice(SPOILERS)(reading) if draw.random() < order.bad_share else reading


def _reading(draw: Random, number: int) -> Reading:
    moment = BEGUN + timedelta(seconds=number, milliseconds=draw.randrange(1000))
    return {
        "timestamp": moment.isoformat(timespec="milliseconds"),
        "device_id": f"{draw.getrandbits(32):08x}-{draw.getrandbits(16):04x}-4000-8000-{draw.getrandbits(48):012x}",
        "model": draw.choice(MODELS),
        "odometer": draw.randrange(300_000),
        "trip_distance": draw.randrange(9000) / 10,
        "instant_consumption": draw.randrange(300) / 10,
        "average_consumption": draw.randrange(20, 150) / 10,
        "fuel_level": draw.randrange(1001) / 10,
        "location": draw.choice(PLACES),
    }


def _spoiler(**changes: object) -> Callable[[Reading], Reading]:
    return lambda reading: reading | changes


# Each breaks one rule of projects/telemetry/files/vehicle_readings.toml.
SPOILERS = (
    _spoiler(fuel_level=130.5),
    _spoiler(fuel_level=-1),
    _spoiler(timestamp="2026-02-30T10:00:00+00:00"),
    _spoiler(timestamp=None),
    _spoiler(device_id="unknown"),
    _spoiler(model=None),
    _spoiler(odometer="a lot"),
    _spoiler(odometer=-5),
    _spoiler(trip_distance="12,5"),
    _spoiler(location=("Atlantis", None, "Sea/Deep")),
)


def _csv(readings: Iterator[Reading]) -> Iterator[str]:
    yield ",".join([*CSV_COLUMNS]) + "\n"
    for reading in readings:
        line = io.StringIO()
        city, country, zone = reading["location"]
        values = [value for name, value in reading.items() if name != "location"]
        csv.writer(line, lineterminator="\n").writerow([*values, city, country, zone])
        yield line.getvalue()


CSV_COLUMNS = (
    *("timestamp", "device_id", "model", "odometer", "trip_distance", "instant_consumption"),
    *("average_consumption", "fuel_level", "city", "country", "time_zone"),
)


def _json(readings: Iterator[Reading]) -> Iterator[str]:
    before = "[\n"
    for reading in readings:
        yield before + json.dumps(reading, ensure_ascii=False)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def _jsonl(readings: Iterator[Reading]) -> Iterator[str]:
    return (json.dumps(reading, ensure_ascii=False) + "\n" for reading in readings)


WRITERS: Mapping[Format, Callable[[Iterator[Reading]], Iterator[str]]] = {
    Format.CSV: _csv,
    Format.JSON: _json,
    Format.JSONL: _jsonl,
}
