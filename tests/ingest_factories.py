"""POSTs of sensor readings, and what the raw store holds of them."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from extraction.api.pipeline import store_post
from extraction.api.ports import Ports
from extraction.api.request import read_post
from utils.delivery_project import read_delivery

SENSORS = Path(__file__).parents[1] / "projects" / "sensors"
PROJECT = read_delivery(SENSORS)
NOON = datetime(2024, 5, 17, 12, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


def reading(at=NOON, **changes):
    """A reading as it is posted; `at=None` leaves its timestamp out."""
    when = {} if at is None else {"timestamp": at.isoformat()}
    return {"sensorId": "boiler-1", "rawTemperature": 212.5, "rawHumidity": 40.0, **when, **changes}


def event(body, key=None, sender="caller-1", **changes):
    """A proxy event; a body that is no text is told as JSON."""
    headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
    return {
        "headers": headers,
        "requestContext": {"requestId": "r-1", "identity": {"apiKeyId": sender}},
        "body": body if isinstance(body, str | None) else json.dumps(body),
        "isBase64Encoded": False,
        **changes,
    }


def post(store, body, at=NOON, **changes):
    """Store one POST as if it came at that time."""
    return store_post(read_post(event(body, **changes), PROJECT.ingest, at), Ports(PROJECT, store))


def stored(store):
    """Every stored record, of which each must say where it is."""
    found = []
    for raw in store.list("raw/"):
        lines = [json.loads(line) for line in store.read(raw.key).decode().split("\n")[:-1]]
        assert all(line["objectKey"] == raw.key for line in lines)
        found += lines
    return found


def without_origin(record):
    """A stored record's own fields."""
    return {name: value for name, value in record.items() if name not in {"id", "objectKey"}}


def ids(store):
    return sorted(record["id"] for record in stored(store))
