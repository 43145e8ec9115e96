"""What comes in and out of a statement: bound parameters, nulls, many pages, records that no message can carry."""

import json

import pytest

from tests.ingest_factories import HOUR, NOON, reading
from tests.query_factories import query_world, write_project
from utils.errors import ConfigurationError

pytestmark = pytest.mark.timeout(120)

WHOLE = {"from": "2024-05-01T00:00:00Z", "until": "2024-06-01T00:00:00Z"}


def sent(name, **changes):
    return reading(NOON - HOUR, sensorId=name, **changes)


@pytest.mark.parametrize(
    "text", ["x' OR '1'='1", "x' UNION SELECT * FROM raw --", "'; DROP TABLE raw; --", "\\' OR 1=1 --", "?"]
)
def test_a_parameter_is_nothing_but_a_value(tmp_path, services, text):
    sql = 'SELECT id, "objectKey", "sensorId" FROM raw WHERE "sensorId" = :sensor'
    with query_world(tmp_path, services, write_project(tmp_path, sql, 'sensor = "nobody"')) as world:
        world.post(sent("a"), sent(text))

        world.run({**WHOLE, "parameters": {"sensor": text}})

        assert world.sensors() == [text]


@pytest.mark.parametrize("value", ["0 OR 1=1", True, None, [1]])
def test_a_parameter_of_another_type_is_refused(world, value):
    with pytest.raises(ConfigurationError, match="min_temperature must be a float"):
        world.run({**WHOLE, "parameters": {"min_temperature": value}})


def test_a_null_is_left_out_and_an_empty_text_stays(tmp_path, services):
    sql = """SELECT id, "objectKey", nullif("rawHumidity", 40) AS humidity, '' AS "note", 7 AS size FROM raw"""
    with query_world(tmp_path, services, write_project(tmp_path, sql)) as world:
        world.post(sent("a"))

        world.run()

        (record,) = world.queued()
        assert (record["note"], record["size"]) == ("", 7)
        assert "humidity" not in record


def test_ten_thousand_records_are_paged_packed_and_queued_once(world):
    for part in range(10):
        world.post(*(sent(f"s{part * 1000 + number}") for number in range(1000)))

    found = world.run()

    bodies = world.messages()
    sensors = {record["sensorId"] for body in bodies for record in json.loads(body)["records"]}
    assert (found.records, len(sensors), found.messages) == (10_000, 10_000, len(bodies))
    assert world.faults.count("GetQueryResults") == 11
    assert [len(body) > 252_000 for body in sorted(bodies, key=len)[1:]] == [True] * (len(bodies) - 1)
    assert max(map(len, bodies)) <= 253_952


def test_a_record_that_no_message_can_carry_is_told_and_holds_nothing_back(tmp_path, services, caplog):
    sql = """SELECT id, "objectKey", "sensorId", "rawHumidity" / ("rawTemperature" - 32) AS ratio FROM raw"""
    with query_world(tmp_path, services, write_project(tmp_path, sql)) as world:
        world.post(sent("a"), sent("endless", rawTemperature=32))

        found = world.run()

        assert (found.records, found.unsendable, world.sensors()) == (1, 1, ["a"])
        assert "it holds a number that JSON has no words for" in [
            each.reason for each in caplog.records if each.levelname == "CRITICAL"
        ]
