"""Athena and the queue when they fail, wait, or refuse."""

import json
from itertools import chain, repeat

import pytest

from local.delivery.athena import AthenaError
from tests.ingest_factories import HOUR, NOON, reading
from tests.query_factories import OVERLAP, query_world, write_project
from utils.errors import (
    AccessDeniedError,
    ConfigurationError,
    IntegrityError,
    ObjectMissingError,
    QueryError,
    ServiceUnavailableError,
)

pytestmark = pytest.mark.timeout(120)

RUNNING, WAITING, DONE = ({"State": state} for state in ("RUNNING", "QUEUED", "SUCCEEDED"))
SYSTEM = {"ErrorCategory": 1, "ErrorType": 233, "Retryable": True, "ErrorMessage": "GENERIC_INTERNAL_ERROR"}


@pytest.fixture(autouse=True)
def posted(request):
    if "world" in request.fixturenames:
        world = request.getfixturevalue("world")
        world.post(*(reading(NOON - HOUR, sensorId=name) for name in "abc"))


def seconds(*left):
    """Return what tells the seconds that are left; the last ones stay."""
    told = chain(left, repeat(left[-1]))
    return lambda: next(told)


def no_mark(world):
    with pytest.raises(ObjectMissingError):
        world.mark()
    return True


def test_a_failed_query_tells_athenas_own_reason(tmp_path, services):
    sql = 'SELECT id, "objectKey", "windSpeed" FROM raw'
    with query_world(tmp_path, services, write_project(tmp_path, sql)) as world:
        world.post(reading())

        with pytest.raises(QueryError, match=r"failed: SYNTAX_ERROR: .*windSpeed"):
            world.run()

        assert no_mark(world)


def test_a_query_that_athena_says_to_repeat_is_retryable(world):
    world.faults.states = [{"State": "FAILED", "StateChangeReason": "Internal error", "AthenaError": SYSTEM}]

    with pytest.raises(ServiceUnavailableError, match="failed: Internal error"):
        world.run()


def test_a_query_over_the_workgroups_limit_tells_the_limit(world):
    reason = "Bytes scanned limit was exceeded"
    world.faults.states = [{"State": "CANCELLED", "StateChangeReason": reason}]

    with pytest.raises(QueryError, match=f"cancelled: {reason}"):
        world.run()


def test_waiting_backs_off_to_a_limit(world):
    world.faults.states = [WAITING, *[RUNNING] * 9, DONE]

    world.run()

    assert len(world.pauses) == 10
    assert world.pauses[0] <= 0.25
    assert 2.5 <= world.pauses[-1] <= 5
    assert world.sensors() == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("state", "error", "message"),
    [(RUNNING, QueryError, "a shorter range"), (WAITING, ServiceUnavailableError, "no turn")],
)
def test_a_query_that_outlasts_the_function_is_cancelled(world, state, error, message):
    world.faults.states = [state]

    with pytest.raises(error, match=message):
        queue_with(world, seconds(900, 100, 59))

    assert world.faults.count("StopQueryExecution") == 1
    assert no_mark(world)


def queue_with(world, left):
    ports = world.ports(left)
    return world.run(lake=ports.lake, seconds_left=left)


@pytest.mark.parametrize("operation", ["GetWorkGroup", "StartQueryExecution", "GetQueryExecution", "GetQueryResults"])
@pytest.mark.parametrize("code", ["TooManyRequestsException", "InternalServerException"])
def test_throttling_is_retryable_and_the_next_run_goes_on(world, operation, code):
    world.faults.errors[operation] = [AthenaError(code, "Rate exceeded")]

    with pytest.raises(ServiceUnavailableError, match=f"{code}: Rate exceeded"):
        world.run()

    world.run()
    assert world.sensors() == ["a", "b", "c"]


def test_throttling_between_pages_queues_what_came_before_it_once(world):
    world.post(*(reading(NOON - HOUR, sensorId=f"s{number}") for number in range(2000)))
    results = world.faults.athena.call

    def second_page_throttled(operation, asked):
        if asked.get("NextToken") == "1000":
            raise AthenaError("TooManyRequestsException", "Rate exceeded")
        return results(operation, asked)

    world.faults.athena.call = second_page_throttled
    with pytest.raises(ServiceUnavailableError):
        world.run()
    world.faults.athena.call = results
    world.run()

    sensors = world.sensors()
    assert (len(sensors), len(set(sensors))) == (2003, 2003)


def test_a_role_that_may_not_query_is_told(world):
    world.faults.errors["StartQueryExecution"] = [AthenaError("AccessDeniedException", "not authorized")]

    with pytest.raises(AccessDeniedError, match="Grant this role"):
        world.run()


def test_a_query_whose_state_cannot_be_asked_is_cancelled(world):
    world.faults.errors["GetQueryExecution"] = [AthenaError("AccessDeniedException", "not authorized")]

    with pytest.raises(AccessDeniedError):
        world.run()

    assert world.faults.count("StopQueryExecution") == 1


def test_athena_out_of_reach_is_retryable(world, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_ATHENA", "http://127.0.0.1:9")

    with pytest.raises(ServiceUnavailableError, match="cannot be reached"):
        world.run()


def test_a_run_without_time_for_the_next_page_leaves_the_rest_and_the_mark(world):
    world.post(*(reading(NOON - HOUR, sensorId=f"s{number}") for number in range(2500)))

    found = queue_with(world, seconds(59))

    assert (found.records, found.more) == (999, True)
    assert no_mark(world)
    assert world.run().records == 2503 - 999
    assert len(set(world.sensors())) == 2503


def test_a_stride_that_fails_leaves_the_mark_at_the_end_of_the_last_one(world):
    world.post(reading(NOON - 60 * HOUR, sensorId="old"), at=NOON - 60 * HOUR)
    fails = {"StateChangeReason": "Bytes scanned limit was exceeded", "State": "CANCELLED"}
    world.faults.states = [DONE, fails]

    with pytest.raises(QueryError):
        world.run()

    assert world.mark() == NOON.replace(minute=0) - 60 * HOUR + 2 * OVERLAP
    world.faults.states = []
    assert (world.run().records, world.sensors()) == (3, ["a", "b", "c", "old"])


def test_a_stride_that_may_not_end_in_time_is_left_to_the_next_run(world):
    world.post(reading(NOON - 60 * HOUR, sensorId="old"), at=NOON - 60 * HOUR)

    found = world.run(seconds_left=lambda: 119)

    assert (found.records, found.more, found.window.end) == (1, True, world.mark())
    assert (world.run().more, world.mark()) == (False, NOON)


def test_a_query_without_id_is_refused(tmp_path, services):
    with query_world(tmp_path, services, write_project(tmp_path, 'SELECT id AS name, "objectKey" FROM raw')) as world:
        world.post(reading())

        with pytest.raises(QueryError, match="id"):  # the engine looks for it first
            world.run()


@pytest.mark.parametrize("sql", ['"rawHumidity" AS x, 1.5 AS y', "ARRAY[1] AS y"])
def test_a_column_that_json_has_no_type_for_is_refused_with_a_remedy(tmp_path, services, sql):
    with query_world(tmp_path, services, write_project(tmp_path, f'SELECT id, "objectKey", {sql} FROM raw')) as world:
        world.post(reading())

        with pytest.raises(ConfigurationError, match=r"column y is of type .* CAST it"):
            world.run()


def test_a_spoilt_mark_is_named_with_its_remedy(world):
    world.store.put("query/mark.json", json.dumps({"until": "noon"}).encode())

    with pytest.raises(IntegrityError, match="Delete it: the next run reads everything"):
        world.run()
