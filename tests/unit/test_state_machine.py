import json

import pytest

from local.packaging.functions import HANDLERS
from local.state_machine import DEFINITION, render_definition
from tests.retryable import raisable

MACHINE = json.loads(DEFINITION.read_text())
STATES = MACHINE["States"]
TASKS = {name: state for name, state in STATES.items() if state["Type"] == "Task"}
STAGES = {name: state for name, state in TASKS.items() if state["Resource"].endswith(":lambda:invoke")}

# The service was busy, lost the connection, or lost the answer. `Lambda.Unknown` is how it reports a host that
# went away; memory that ran out is `Runtime.ExitError`, which would run out again, and is not here.
SERVICE_ERRORS = {
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
}
# A stage answers before its deadline, so a timeout means a connection or a service that hung. The task's own
# limit lies above Lambda's and is met only when the answer was lost. Another attempt is harmless in both, because
# every stage may run twice; it is dear in both, so there are few.
TIMEOUTS = {"Sandbox.Timedout", "States.Timeout"}


def retried_names(state):
    return {name for retrier in state["Retry"] for name in retrier["ErrorEquals"]}


def test_the_three_stages_are_the_lambda_tasks():
    assert list(STAGES) == ["Extract", "Transform", "Load"]


@pytest.mark.parametrize("stage", STAGES)
def test_state_machine_retries_exactly_the_retryable_errors_of_its_stages(stage):
    ours = {name for name in retried_names(STAGES[stage]) if "." not in name}

    assert ours == raisable(HANDLERS[name] for name in ("extraction", "transformation", "load"))


@pytest.mark.parametrize("stage", STAGES)
def test_state_machine_retries_the_services_own_errors_and_timeouts(stage):
    dotted = {name for name in retried_names(STAGES[stage]) if "." in name}

    assert dotted == SERVICE_ERRORS | TIMEOUTS


@pytest.mark.parametrize("task", TASKS)
def test_every_retry_backs_off_with_jitter_to_a_maximum(task):
    wanted = {"ErrorEquals", "IntervalSeconds", "BackoffRate", "MaxAttempts", "MaxDelaySeconds", "JitterStrategy"}

    for retrier in TASKS[task]["Retry"]:
        assert set(retrier) == wanted
        assert retrier["JitterStrategy"] == "FULL"
        assert retrier["BackoffRate"] > 1


def test_a_timeout_is_retried_fewer_times_than_a_passing_error():
    passing, timeout = STAGES["Load"]["Retry"]

    assert set(timeout["ErrorEquals"]) == TIMEOUTS
    assert timeout["MaxAttempts"] < passing["MaxAttempts"]


@pytest.mark.parametrize("task", TASKS)
def test_every_task_has_a_timeout_and_catches_everything(task):
    (catcher,) = TASKS[task]["Catch"]

    assert TASKS[task]["TimeoutSeconds"] > 0
    assert catcher["ErrorEquals"] == ["States.ALL"]


def test_the_tasks_limit_lies_above_lambdas_own():
    assert all(state["TimeoutSeconds"] > 900 for state in STAGES.values())


def test_a_run_that_never_ends_is_ended_so_that_its_alarm_can_go_off():
    assert MACHINE["TimeoutSeconds"] == 24 * 60 * 60  # without it a state machine waits for a year


def test_the_alert_never_overwrites_the_first_error():
    assert TASKS["NotifyFailure"]["ResultPath"] is None
    assert TASKS["NotifyFailure"]["Catch"][0]["ResultPath"] != "$.error"


def test_every_stage_is_told_the_run_its_start_and_what_was_asked_of_it():
    payload = {
        "run_id.$": "$$.Execution.Name",
        "started_at.$": "$$.Execution.StartTime",
        "request.$": "$$.Execution.Input",
    }

    assert all(state["Parameters"]["Payload"] == payload for state in STAGES.values())


def test_every_state_that_is_named_exists():
    named = {value for state in STATES.values() for value in next_states(state)}

    assert named | {"Extract"} == set(STATES)


def test_the_subject_fits_what_sns_allows():
    assert len(TASKS["NotifyFailure"]["Parameters"]["Subject"]) <= 100


def test_a_placeholder_without_a_value_is_an_error():
    with pytest.raises(KeyError, match="extraction_function_arn"):
        render_definition({})


def next_states(state):
    choices = [*state.get("Choices", []), *state.get("Catch", []), state]
    return [choice[key] for choice in choices for key in ("Next", "Default") if key in choice]
