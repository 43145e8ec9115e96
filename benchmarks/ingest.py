"""Ingest over HTTP on loopback: 1,000 records a second for a minute in batched POSTs, with nothing lost."""

import http.client
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles

SECONDS = int(os.environ.get("INGEST_SECONDS", "60"))
RATE = 1_000  # records a second
BATCH = 100  # records of one POST
CALLERS = 4
BUCKET = "raw"
REGION = "eu-west-2"
KEY = "benchmark"
BEGUN = datetime.now(UTC) - timedelta(minutes=2)
SENSORS = Path(__file__).parent.parent / "projects" / "sensors"


def main() -> None:
    """Print what docs/performance.md quotes of taking records in."""
    from local.aws import emulated_aws

    with emulated_aws() as aws, _served(aws.endpoint) as port:
        s3 = aws.client("s3")
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        _post(
            port, 0, time.monotonic()
        )  # a cold start is not what is measured; sent again below, it stores nothing new
        begun = time.monotonic()
        with ThreadPoolExecutor(CALLERS) as callers:
            answers = list(callers.map(lambda number: _post(port, number, begun), range(SECONDS * RATE // BATCH)))
        seconds = time.monotonic() - begun
        _report(answers, seconds, Counter(_stored(s3)))


def _report(answers: list[tuple[int, float]], seconds: float, stored: Counter[str]) -> None:
    taken = [elapsed for _, elapsed in answers]
    statuses = dict(Counter(status for status, _ in answers))
    posted = {_sensor(number, place) for number in range(len(answers)) for place in range(BATCH)}
    print(f"{len(posted):,} records in {seconds:.1f} s: {len(posted) / seconds:,.0f} a second (goal {RATE:,})")
    print(f"answers by status: {statuses}; lost: {len(posted - set(stored))}; twice: {stored.total() - len(stored)}")
    print(f"a POST of {BATCH}: median {median(taken) * 1000:.0f} ms, p99 {quantiles(taken, n=100)[98] * 1000:.0f} ms")
    if posted != set(stored) or stored.total() != len(posted):
        raise SystemExit("The store does not hold each accepted record once.")


def _post(port: int, number: int, begun: float) -> tuple[int, float]:
    """Send one POST at its time, and return its status and how long it took."""
    time.sleep(max(0.0, begun + number * BATCH / RATE - time.monotonic()))
    body = json.dumps([_reading(number, place) for place in range(BATCH)])
    sent = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", "/ingest", body, {"x-api-key": KEY, "Content-Type": "application/json"})
    status = connection.getresponse().status
    connection.close()
    return status, time.monotonic() - sent


def _sensor(number: int, place: int) -> str:
    return f"sensor-{number}-{place}"


def _reading(number: int, place: int) -> dict[str, object]:
    at = BEGUN + timedelta(milliseconds=number * BATCH + place)
    return {"sensorId": _sensor(number, place), "rawTemperature": 70 + place / 10, "rawHumidity": place} | {
        "timestamp": at.isoformat()
    }


def _stored(s3) -> Iterator[str]:  # type: ignore[no-untyped-def] # a client of boto3
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="raw/"):
        for found in page["Contents"]:
            body = s3.get_object(Bucket=BUCKET, Key=found["Key"])["Body"].read()
            yield from (json.loads(line)["sensorId"] for line in body.splitlines())


@contextmanager
def _served(endpoint: str) -> Iterator[int]:
    """Serve the handler from a process of its own, and yield its port."""
    aws = {"AWS_ENDPOINT_URL": endpoint, "AWS_DEFAULT_REGION": REGION}
    fake = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    environment = {**os.environ, **aws, **fake, "PROJECT": str(SENSORS), "RAW": f"s3://{BUCKET}"}
    command = [sys.executable, "-m", "benchmarks.ingest", "serve"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None  # noqa: S101 - it was asked for
        try:
            yield int(child.stdout.readline())
        finally:
            child.terminate()


def _serve() -> None:
    import logging

    from werkzeug.serving import make_server

    from extraction.api.handler import lambda_handler
    from local.delivery.api_gateway import RestApi

    logging.disable(logging.INFO)
    server = make_server("127.0.0.1", 0, RestApi(lambda_handler, KEY), threaded=True)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        _serve()
    else:
        main()
