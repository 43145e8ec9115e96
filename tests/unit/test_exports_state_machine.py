import json

import pytest

from extraction.exports.handler import ACTIONS
from extraction.exports.register import TICKET_SECONDS
from local.state_machine import EXPORTS_DEFINITION, render_definition
from tests.retryable import raisable
from utils.registry.claim import LEASE_SECONDS, SKEW_SECONDS

MACHINE = json.loads(EXPORTS_DEFINITION.read_text())
STATES = MACHINE["States"]
TASKS = {name: state for name, state in STATES.items() if state["Type"] == "Task"}
STEPS = {name: s for name, s in TASKS.items() if s["Parameters"].get("FunctionName") == "${exports_function_arn}"}
FAILING = ("MarkFailed", "NotifyFailure")
SERVICE_ERRORS = {
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
}
TIMEOUTS = {"Sandbox.Timedout", "States.Timeout"}


def retried_names(state):
    return {name for retrier in state["Retry"] for name in retrier["ErrorEquals"]}


def next_states(state):
    choices = [*state.get("Choices", []), *state.get("Catch", []), state]
    return [choice[key] for choice in choices for key in ("Next", "Default") if key in choice]


def longest_delay(state):
    return max(retrier["MaxDelaySeconds"] for retrier in state["Retry"])


def test_every_step_asks_for_an_action_that_the_function_knows():
    asked = [state["Parameters"]["Payload"]["action"] for state in STEPS.values()]

    assert asked == ["register", "acquire", "finish", "fail"]
    assert set(asked) <= set(ACTIONS)


def test_the_steps_retry_exactly_the_retryable_errors_of_their_function():
    ours = {name for state in STEPS.values() for name in retried_names(state) if "." not in name}

    assert ours == raisable(["extraction.exports.handler.lambda_handler"])


def test_the_delta_retries_exactly_the_retryable_errors_that_its_function_can_raise():
    ours = {name for name in retried_names(TASKS["Delta"]) if "." not in name}

    assert ours == raisable(["transformation.delta.handler.lambda_handler"])


@pytest.mark.parametrize("name", [*STEPS, "Delta"])
def test_every_function_is_called_again_after_errors_of_the_service_and_timeouts(name):
    assert {found for found in retried_names(TASKS[name]) if "." in found} == SERVICE_ERRORS | TIMEOUTS


def test_the_delta_gets_the_claim_and_what_the_execution_was_asked_for():
    assert STATES["Delta"]["Parameters"]["Payload"] == {
        "claim.$": "$.claim.answer",
        "request.$": "$$.Execution.Input",
    }


def test_only_the_lock_is_waited_for():
    assert [name for name in TASKS if "LockHeldError" in retried_names(TASKS[name])] == ["AcquireLock"]


def test_a_lock_is_waited_for_hours_and_then_given_up():
    (waiting,) = [retrier for retrier in TASKS["AcquireLock"]["Retry"] if retrier["ErrorEquals"] == ["LockHeldError"]]
    mean = waiting["MaxDelaySeconds"] / 2  # the jitter is full

    assert 3600 < waiting["MaxAttempts"] * mean < MACHINE["TimeoutSeconds"]


@pytest.mark.parametrize("name", TASKS)
def test_every_task_has_a_timeout_backs_off_with_jitter_and_catches_everything(name):
    (catcher,) = TASKS[name]["Catch"]

    assert TASKS[name]["TimeoutSeconds"] > 0
    assert all(retrier["JitterStrategy"] == "FULL" and retrier["BackoffRate"] > 1 for retrier in TASKS[name]["Retry"])
    assert catcher["ErrorEquals"] == ["States.ALL"]


@pytest.mark.parametrize("name", [name for name in TASKS if name not in FAILING])
def test_every_failure_is_marked_then_told_then_ends_the_execution(name):
    (catcher,) = TASKS[name]["Catch"]

    assert (catcher["Next"], catcher["ResultPath"]) == ("MarkFailed", "$.error")
    assert next_states(STATES["MarkFailed"]) == ["IsCauseGiven", "IsCauseGiven"]
    assert [next_states(STATES[name]) for name in ("IsCauseGiven", "NoCause")] == [
        ["NotifyFailure", "NoCause"],
        ["NotifyFailure"],
    ]
    assert next_states(STATES["NotifyFailure"]) == ["Failed", "Failed"]


@pytest.mark.parametrize("name", FAILING)
def test_neither_the_release_nor_the_alert_overwrites_the_first_error(name):
    assert TASKS[name]["ResultPath"] != "$.error"
    assert TASKS[name]["Catch"][0]["ResultPath"] != "$.error"


def test_the_lease_is_longer_than_the_longest_step_and_the_pause_before_its_repeat():
    longest = max(state["TimeoutSeconds"] + longest_delay(state) for state in TASKS.values())

    assert longest + SKEW_SECONDS < LEASE_SECONDS


def test_a_turn_lasts_longer_than_the_pauses_between_asking():
    asking = TASKS["AcquireLock"]

    assert asking["TimeoutSeconds"] + longest_delay(asking) < TICKET_SECONDS


def test_an_execution_that_never_ends_is_ended_so_that_its_alarm_can_go_off():
    assert MACHINE["TimeoutSeconds"] == 24 * 60 * 60


def test_every_state_that_is_named_exists():
    named = {value for state in STATES.values() for value in next_states(state)}

    assert named | {"Register"} == set(STATES)


def test_a_placeholder_without_a_value_is_an_error():
    with pytest.raises(KeyError, match="exports_function_arn"):
        render_definition({}, EXPORTS_DEFINITION)
