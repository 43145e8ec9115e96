import json
import textwrap
import zipfile

import pytest

from local.aws import emulated_aws
from local.deployment import Settings, deploy_warehouse, read_alerts
from local.packaging.functions import HANDLERS, STAGES
from local.packaging.packages import Package
from local.state_machine import follow, start_execution

SECRET = {"host": "127.0.0.1", "port": 1, "username": "u", "password": "p", "dbname": "d"}

# Fails, or asks to be called again, as often as the test says; calls are counted in the landing bucket.
HANDLER = """
    import boto3, json, needed, os

    SCRIPT = json.loads(os.environ.get("SCRIPT", "{}"))

    def lambda_handler(event, context):
        stage = os.environ["AWS_LAMBDA_FUNCTION_NAME"].removeprefix("starlift-")
        s3 = boto3.client("s3")
        bucket = os.environ["LANDING"].removeprefix("s3://")
        calls = s3.list_objects_v2(Bucket=bucket, Prefix=f"calls/{stage}/")["KeyCount"] + 1
        s3.put_object(Bucket=bucket, Key=f"calls/{stage}/{calls}", Body=json.dumps(event))
        print(stage, calls)
        script = SCRIPT.get(stage, {})
        if calls <= script.get("fails", 0):
            raise type(script["error"], (Exception,), {})(f"call {calls} failed")
        answer = {"stage": stage, "calls": calls}
        return {**answer, "more": calls <= script["more"]} if "more" in script else answer
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packages")
    layer = write_zip(folder / "layer.zip", {"python/needed.py": ""})
    return {
        stage: Package(stage, write_handler(folder, handler), layer)
        for stage, handler in HANDLERS.items()
        if stage in STAGES
    }


@pytest.fixture
def aws():
    with emulated_aws(retry_scale=0.001) as emulated:
        yield emulated


def write_handler(folder, handler):
    module = handler.rpartition(".")[0].replace(".", "/")
    return write_zip(folder / f"{module.replace('/', '-')}.zip", {f"{module}.py": textwrap.dedent(HANDLER)})


def write_zip(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def deploy(aws, packages, **script):
    settings = Settings("projects/none", SECRET, SECRET, 256, 20, {"SCRIPT": json.dumps(script)})
    return deploy_warehouse(aws, packages, settings)


def run(aws, deployment, on_state=lambda _name: None):
    return follow(aws, start_execution(aws, deployment.state_machine_arn, "run-1"), on_state, timeout=60)


def test_a_run_passes_the_three_stages_and_shows_their_answers(aws, packages):
    deployment = deploy(aws, packages)
    seen = []

    execution = run(aws, deployment, seen.append)

    assert execution.status == "SUCCEEDED"
    assert execution.output == {stage: {"stage": stage, "calls": 1} for stage in STAGES}
    assert seen == ["Extract", "Transform", "MoreToTransform", "Load", "MoreToLoad", "Done"]
    assert read_alerts(aws, deployment) == []


def test_every_stage_gets_the_executions_name_and_start(aws, packages):
    deployment = deploy(aws, packages)

    run(aws, deployment)

    events = [read_call(aws, deployment, stage) for stage in STAGES]
    assert events[0]["run_id"] == "run-1"
    assert events[0]["started_at"].startswith("20")
    assert events == [events[0]] * 3


def test_a_retryable_error_is_tried_again_until_it_passes(aws, packages):
    deployment = deploy(aws, packages, load={"fails": 3, "error": "WarehouseBusyError"})

    execution = run(aws, deployment)

    assert execution.status == "SUCCEEDED"
    assert execution.output["load"]["calls"] == 4
    assert read_alerts(aws, deployment) == []


def test_a_retryable_error_that_does_not_pass_fails_the_run(aws, packages):
    deployment = deploy(aws, packages, extraction={"fails": 100, "error": "SourceUnavailableError"})

    execution = run(aws, deployment)

    assert (execution.status, execution.error) == ("FAILED", "SourceUnavailableError")
    assert "call 7 failed" in execution.cause


def test_a_terminal_error_fails_at_once_and_is_told_with_its_cause(aws, packages):
    deployment = deploy(aws, packages, transformation={"fails": 1, "error": "SchemaDriftError"})

    execution = run(aws, deployment)

    assert (execution.status, execution.error) == ("FAILED", "SchemaDriftError")
    assert json.loads(execution.cause)["errorMessage"] == "call 1 failed"
    (alert,) = read_alerts(aws, deployment)
    assert alert["Subject"] == "Starlift: a warehouse run failed"
    for fact in ["run-1", "SchemaDriftError", "call 1 failed", ":execution:starlift-warehouse:run-1"]:
        assert fact in alert["Message"]


def test_an_alert_that_fails_does_not_hide_the_first_error(aws, packages):
    deployment = deploy(aws, packages, load={"fails": 1, "error": "IntegrityError"})
    aws.client("sns").delete_topic(TopicArn=deployment.topic_arn)

    execution = run(aws, deployment)

    assert (execution.status, execution.error) == ("FAILED", "IntegrityError")
    assert "call 1 failed" in execution.cause
    assert execution.states[-2:] == ("NotifyFailure", "Failed")


def start_with_error(aws, deployment, error):
    """Begin where a failed stage leads to."""
    machine, states = {"stateMachineArn": deployment.state_machine_arn}, aws.client("stepfunctions")
    definition = json.loads(states.describe_state_machine(**machine)["definition"])
    states.update_state_machine(**machine, definition=json.dumps({**definition, "StartAt": "IsCauseGiven"}))
    return states.start_execution(**machine, name="run-1", input=json.dumps({"error": error}))["executionArn"]


def test_a_timeout_without_a_cause_is_told_all_the_same(aws, packages):
    deployment = deploy(aws, packages)

    execution = follow(aws, start_with_error(aws, deployment, {"Error": "Sandbox.Timedout"}), timeout=60)

    assert (execution.status, execution.error, execution.cause) == ("FAILED", "Sandbox.Timedout", "None was given.")
    (alert,) = read_alerts(aws, deployment)
    assert "run-1 failed with Sandbox.Timedout" in alert["Message"]


def test_a_stage_that_has_more_to_do_is_called_again(aws, packages):
    deployment = deploy(aws, packages, transformation={"more": 2}, load={"more": 1})

    execution = run(aws, deployment)

    assert execution.output["transformation"] == {"stage": "transformation", "calls": 3, "more": False}
    assert execution.output["load"] == {"stage": "load", "calls": 2, "more": False}
    assert execution.states.count("Extract") == 1


def read_call(aws, deployment, stage):
    key = f"calls/{stage}/1"
    return json.loads(aws.client("s3").get_object(Bucket=deployment.landing, Key=key)["Body"].read())
