"""The query function, from its environment and an event to its answer."""

import json
import os
from dataclasses import replace

import boto3
import pytest

from tests.ingest_factories import HOUR, NOON, SENSORS, reading
from tests.query_factories import ONCE
from transformation.query.handler import lambda_handler
from transformation.query.wiring import NEEDED, Config
from utils.errors import ConfigurationError
from utils.open_store import open_store

RANGE = {"from": "2024-05-17T00:00:00Z", "until": "2024-05-18T00:00:00Z"}


class Context:
    aws_request_id = "r-1"

    def get_remaining_time_in_millis(self):
        return 900_000


@pytest.fixture
def environment(world, monkeypatch):
    """Set what the function is told."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", world.services)
    settings = [
        SENSORS,
        world.store.url,
        "AwsDataCatalog",
        "sensors",
        "delivery",
        "s3://results/",
        world.ledger,
        world.queue,
    ]
    for name, value in zip(NEEDED, settings, strict=True):
        monkeypatch.setenv(name, str(value))


def test_the_function_answers_what_it_queued(world, environment):
    world.post(reading(NOON - HOUR, sensorId="a"), reading(NOON - HOUR, sensorId="b"))

    answer = lambda_handler(RANGE, Context())

    assert json.loads(json.dumps(answer)) == {
        "from": "2024-05-17T00:00:00+00:00",
        "until": "2024-05-18T00:00:00+00:00",
        "records": 2,
        "messages": 1,
        "settled": 0,
        "unsendable": 0,
        "more": False,
    }
    assert world.sensors() == ["a", "b"]


def test_a_scheduled_function_reads_until_now_and_moves_the_mark(world, environment):
    world.post(reading(NOON - HOUR, sensorId="a"))

    answer = lambda_handler({}, Context())

    assert answer["until"] == world.mark().isoformat()
    assert world.sensors() == ["a"]


def test_notes_and_mark_are_kept_in_a_bucket_as_in_a_folder(world, environment, monkeypatch):
    s3 = boto3.client("s3", endpoint_url=world.services, config=ONCE)
    s3.create_bucket(Bucket="lake", CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
    monkeypatch.setenv("RAW", "s3://lake/part")
    world.store = open_store("s3://lake/part")
    world.faults.athena.lake = replace(world.faults.athena.lake, store=world.store)
    world.post(*(reading(NOON - hours * HOUR, sensorId=f"s{hours}") for hours in range(20)))

    answers = [lambda_handler({}, Context()) for _ in range(2)]

    assert [answer["records"] for answer in answers] == [20, 0]
    assert len(list(world.store.list("queued/"))) == 20
    assert answers[1]["until"] == world.mark().isoformat()


def test_catalogue_database_and_workgroup_are_those_of_the_environment(world, environment):
    world.post(reading(NOON - HOUR))

    lambda_handler(RANGE, Context())

    (asked,) = (asked for operation, asked in world.faults.calls if operation == "StartQueryExecution")
    assert asked["QueryExecutionContext"] == {"Catalog": "AwsDataCatalog", "Database": "sensors"}
    assert asked["WorkGroup"] == "delivery"
    assert asked["ResultConfiguration"]["OutputLocation"] == "s3://results/"


def test_no_value_stands_in_the_statement(world, environment):
    world.post(reading(NOON - HOUR))

    lambda_handler({**RANGE, "parameters": {"max_temperature": 61.25}}, Context())

    (asked,) = (asked for operation, asked in world.faults.calls if operation == "StartQueryExecution")
    assert "2024" not in asked["QueryString"]
    assert "61.25" not in asked["QueryString"]
    assert asked["QueryString"].count("?") == len(asked["ExecutionParameters"])
    assert {"61.25", "'2024'", "'2024-05-17T00:00:00.000000000Z'"} <= set(asked["ExecutionParameters"])


def test_every_missing_setting_is_named_at_once():
    with pytest.raises(ConfigurationError, match="RAW, CATALOGUE, DATABASE, WORKGROUP, RESULTS, LEDGER, QUEUE_URL"):
        Config.from_env({"PROJECT": os.curdir})
