"""The file drop, deployed to the second emulated AWS: files dropped, refused, told twice, given up, put back."""

import json
import re

import pytest

from load.files.wiring import TARGET
from tests.conftest import run_on_server
from tests.emulator import why_not
from tests.terraform.calls import Right
from tests.terraform.deployment import login, planned_changes
from tests.terraform.emulated import until
from tests.terraform.file_drop import RETRY_AFTER, build_file_drop, deployed_file_drop, rows_of
from tests.terraform.filter_pattern import matches
from tests.terraform.inspection import alarms, boundary_of, filter_of, remaining_buckets, untold_alarms
from tests.terraform.policies import allows, allows_action, unused
from tests.terraform.program import CONFIGURATION
from tests.terraform.test_deployment import ONLY_HERE
from utils.postgres.connection import connect
from utils.postgres.url import parse_url

pytestmark = pytest.mark.timeout(900)
ROLE = "totesys-test-file-drop-function"
WAITING = "SELECT pid FROM pg_stat_activity WHERE datname = 'terraform_files' AND wait_event_type = 'Lock'"


@pytest.fixture(scope="module")
def target(postgres_server):
    run_on_server(postgres_server, "CREATE DATABASE terraform_files")
    yield postgres_server.url("terraform_files")
    run_on_server(postgres_server, "DROP DATABASE terraform_files WITH (FORCE)")


@pytest.fixture(scope="module")
def deployment(tmp_path_factory, target):
    if why := why_not():
        pytest.skip(f"The file drop is not tested: {why}.")
    packages = build_file_drop(tmp_path_factory.mktemp("packages"), tmp_path_factory.mktemp("project") / "totesys")
    with deployed_file_drop(tmp_path_factory.mktemp("deployment"), packages) as found:
        yield found


@pytest.fixture(scope="module")
def deployed_settings(deployment):
    """Return the queue's settings as they were deployed."""
    return deployment.attributes("queue", ["All"])


@pytest.fixture(scope="module")
def drop(deployment, deployed_settings, target):
    """Return the file drop in use: it may log in, and retries come within seconds."""
    deployment.put_secret("files", login(target))
    url, soon = deployment.outputs["files_queue_url"], {"VisibilityTimeout": str(RETRY_AFTER)}
    deployment.aws.client("sqs").set_queue_attributes(QueueUrl=url, Attributes=soon)
    return deployment


@pytest.fixture
def query(target):
    """Return a function that asks the target and returns its rows."""
    with connect(parse_url(target), TARGET) as session:
        yield session.run


@pytest.fixture
def starlift(drop, monkeypatch):
    """Return a function that looks after the dead letters as a person does, and returns what showed."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", drop.aws.endpoint)
    return drop.look_after_dead_letters


def test_the_test_events_of_s3_are_taken_and_load_nothing(deployment):
    until(deployment.invocations)
    deployment.settle()

    assert deployment.waiting("dead_letters") == 0
    assert deployment.lines_of("file_drop") == []  # nothing to warn of


def test_a_dropped_file_is_in_its_table_and_in_the_ledger(drop, query):
    version = drop.drop("readings/2026/11/a b+c.csv", b"id,fuel\n1,50\n2,99.5\n")
    drop.settle()

    assert query("SELECT id, fuel::text FROM readings ORDER BY id") == [[1, "50.0"], [2, "99.5"]]
    held = query("SELECT key, version, rows_copied, rows_rejected, file_size_bytes FROM starlift.processed_files")
    assert held == [["readings/2026/11/a b+c.csv", version, 2, 0, 20]]


def test_bad_rows_are_set_aside_with_their_reason_and_announce_nothing(drop, query):
    drop.drop("readings/bad.csv", b"id,fuel\n3,10\n4,101\nfive,1\n")
    drop.settle()

    s3, bucket = drop.aws.client("s3"), drop.bucket("quarantine")
    (held,) = s3.list_objects_v2(Bucket=bucket, Prefix="quarantine/readings/bad.csv")["Contents"]
    lines = s3.get_object(Bucket=bucket, Key=held["Key"])["Body"].read().splitlines()
    told = [(found["line"], found["column"], found["raw"]) for found in map(json.loads, lines)]
    assert told == [(3, "fuel", "4,101"), (4, "id", "five,1")]
    assert rows_of(query, "readings/bad.csv") == 1


def test_a_file_that_is_told_twice_is_loaded_once(drop, query):
    version = drop.drop("readings/twice.csv", b"id,fuel\n6,1\n7,2\n")
    drop.settle()
    drop.announce("readings/twice.csv", version)
    drop.settle()

    assert len(drop.logged("file not needed", "readings/twice.csv")) == 1
    assert rows_of(query, "readings/twice.csv") == 2


def test_two_functions_that_are_handed_one_file_at_once_load_it_once(drop, query, target):
    with connect(parse_url(target), TARGET) as other:
        other.run("BEGIN")
        other.run("LOCK TABLE readings IN ACCESS EXCLUSIVE MODE")
        version = drop.drop("readings/race.csv", b"id,fuel\n8,1\n9,2\n")
        drop.announce("readings/race.csv", version)
        until(lambda: len(query(WAITING)) >= 2)
        other.run("ROLLBACK")
    drop.settle()

    assert len(drop.logged("file not needed", "readings/race.csv")) >= 1
    assert rows_of(query, "readings/race.csv") == 2


@pytest.mark.parametrize("key", ["nowhere.csv", "unknown/a.csv"])
def test_a_file_that_no_table_is_for_is_given_up_at_once(drop, key):
    drop.drop(key, b"id,fuel\n1,1\n")

    told = drop.dead_letter(key)
    assert told["error_type"] == "UnroutableError"
    assert key in told["reason"]
    assert len(drop.logged("file not loaded")) == len(drop.logged("message put aside"))


def test_a_file_that_was_removed_for_good_is_given_up_and_said_to_be_gone(drop):
    version = drop.drop("readings/gone.CSV", b"id,fuel\n1,1\n")  # which nobody announces
    drop.aws.client("s3").delete_object(Bucket=drop.bucket("files"), Key="readings/gone.CSV", VersionId=version)
    drop.announce("readings/gone.CSV", version)

    assert drop.dead_letter("readings/gone.CSV")["error_type"] == "ObjectMissingError"


def test_a_poison_file_is_tried_three_times_then_given_up_with_its_reason_while_others_load(drop, query):
    drop.drop("readings/poison.csv", b"id,colour\n1,red\n")
    drop.drop("readings/beside.csv", b"id,fuel\n10,1\n")
    until(lambda: rows_of(query, "readings/beside.csv"))

    assert not [letter for letter in drop.dead_letters() if "poison" in letter["Body"]]
    told = drop.dead_letter("readings/poison.csv")
    assert told["error_type"] == "FileRefusedError"
    assert "colour" in told["reason"]
    assert len([line for line in drop.logged("file not loaded") if "colour" in line["error"]]) == 3
    assert rows_of(query, "readings/poison.csv") == 0


def test_what_was_given_up_is_loaded_when_it_is_replayed_after_mending(drop, query, target, starlift):
    drop.put_secret("files", login(target, port=1))
    drop.drop("readings/mended.csv", b"id,fuel\n11,1\n12,2\n")
    drop.dead_letter("readings/mended.csv")
    drop.put_secret("files", login(target))
    letters = json.loads(starlift("list", "--json"))["messages"]
    (letter,) = (letter for letter in letters if letter["key"] == "readings/mended.csv")

    assert letter["error_type"] == "WarehouseUnavailableError"
    assert "Sent 1 again." in starlift("replay", letter["id"], "--queue", drop.outputs["files_queue_url"])
    drop.settle()
    assert rows_of(query, "readings/mended.csv") == 2
    assert "mended" not in starlift("list", "--json")


def test_a_message_stays_hidden_for_longer_than_six_times_the_functions_time(deployment, deployed_settings):
    function = deployment.outputs["function_names"]["file_drop"]
    held = deployment.aws.client("lambda").get_function_configuration(FunctionName=function)

    assert int(deployed_settings["VisibilityTimeout"]) > 6 * held["Timeout"]
    assert (held["MemorySize"], held["Timeout"]) == (256, 60)


def test_what_is_given_up_raises_the_alarm_on_the_dead_letters_and_its_line_that_on_critical_lines(drop):
    drop.drop("alarming.csv", b"")
    drop.dead_letter("alarming.csv")
    pattern, metric = filter_of(drop, "file_drop")
    given_up = drop.logged("message put aside")

    depth = alarms(drop)["totesys-test-file-drop-dead-letters"]
    assert (depth["MetricName"], depth["Threshold"]) == ("ApproximateNumberOfMessagesVisible", 0)
    assert depth["Dimensions"] == [{"Name": "QueueName", "Value": "totesys-test-files-dead-letters"}]
    assert len([line for line in drop.lines_of("file_drop") if matches(pattern, line)]) == len(given_up) > 0
    assert alarms(drop)[metric.removesuffix("-lines")]["MetricName"] == metric


def test_every_alarm_tells_the_topic(deployment):
    topic = deployment.outputs["alerts_topic_arn"]

    assert len(alarms(deployment)) == 4
    assert all(alarm["AlarmActions"] == [topic] for alarm in alarms(deployment).values())


def test_every_alarm_has_a_line_in_the_runbook(deployment):
    assert untold_alarms(deployment) == []


def test_no_call_of_the_function_would_have_been_denied(drop):
    drop.hear()
    asked = drop.calls.rights["totesys-test-file-drop"]

    assert {"s3:GetObjectVersion", "s3:PutObject", "sqs:SendMessage"} <= {right.action for right in asked}
    assert sorted(right for right in asked if not allows(drop.policy(ROLE), right)) == []


def test_each_right_that_the_function_did_not_use_has_its_reason_beside_it(drop):
    drop.hear()
    comments = "\n".join(re.findall(r"#.*", "".join(path.read_text() for path in CONFIGURATION.rglob("iam.tf"))))

    left = unused(drop.policy(ROLE), drop.calls.rights["totesys-test-file-drop"])
    assert [action for action in left if action.partition(":")[2] not in comments] == []


def test_the_function_can_neither_remove_files_nor_read_what_it_set_aside(drop):
    policy = drop.policy(ROLE)

    assert not allows_action(policy, "s3:DeleteObject")
    assert not allows(policy, Right("s3:GetObject", f"arn:aws:s3:::{drop.bucket('quarantine')}/quarantine/any.jsonl"))
    assert not allows(policy, Right("s3:PutObject", f"arn:aws:s3:::{drop.bucket('files')}/readings/any.csv"))


def test_the_function_can_do_no_more_than_the_boundary_lets_a_workflow_give(deployment):
    boundary = boundary_of(deployment.aws.client("iam"))

    given = {action for each in deployment.policy(ROLE)["Statement"] for action in each["Action"]}
    assert sorted(action for action in given if not allows_action(boundary, action)) == []


def test_a_second_plan_changes_nothing_but_what_the_emulator_forgets(drop):
    changes = planned_changes(drop.terraform)

    set_here = changes.pop("module.file_drop[0].module.queue.aws_sqs_queue.this")
    assert set_here == {"visibility_timeout_seconds"}
    assert changes.pop('module.file_drop[0].module.function[0].aws_s3_object.package["layer"]') == {"tags_all"}
    assert [where for where in changes if "aws_cloudwatch_metric_alarm" not in where] == []


def test_destroying_leaves_nothing_and_no_call_would_have_been_denied_to_the_workflow_that_applies(drop):
    rights = drop.policy("totesys-github-deploy")
    protections = [f"module.{name}.terraform_data.protection[0]" for name in ("permanent", "file_drop[0]")]
    drop.terraform.run("state rm", *protections)
    drop.terraform.change("apply -refresh=false", protect_data="false")
    drop.empty()
    drop.terraform.change("destroy -refresh=false", protect_data="false")

    drop.hear()
    assert drop.terraform.run("state list") == ""
    assert {"sqs:DeleteQueue", "lambda:DeleteEventSourceMapping"} <= drop.calls.actions
    assert sorted(action for action in drop.calls.actions - ONLY_HERE if not allows_action(rights, action)) == []
    assert remaining_buckets(drop) == [drop.bootstrap.outputs()["state_bucket"]]
