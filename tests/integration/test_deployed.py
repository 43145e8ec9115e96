"""`make invoke` and `make logs`: what is deployed is run and read."""

import json
import time
import uuid

import pytest

from local.cloud.logs import Tail

pytestmark = [pytest.mark.timeout(600), pytest.mark.usefixtures("has_state")]


def machine(cloud, states):
    """Deploy a state machine of the given states."""
    definition = {"StartAt": next(iter(states)), "States": states}
    created = cloud.aws.client("stepfunctions").create_state_machine(
        name="warehouse", definition=json.dumps(definition), roleArn="arn:aws:iam::123456789012:role/any"
    )
    cloud.says["outputs"] = {"state_machine_arn": created["stateMachineArn"]}
    return created["stateMachineArn"]


def test_states_are_told_as_they_are_entered_and_the_end_with_its_counts(cloud, capsys):
    rows = {"extracted": 3, "loaded": 2}
    output = {"extraction": {"batch": 7, "tables": {"staff": rows}}, "transformation": {}, "load": {}}
    machine(
        cloud,
        {"Extract": {"Type": "Pass", "Next": "Done"}, "Done": {"Type": "Pass", "Result": output, "End": True}},
    )

    assert cloud.make("invoke") == 0

    shown = capsys.readouterr().out
    assert shown.index("Extract") < shown.index("Done") < shown.index("staff")
    assert "succeeded" in shown


def test_a_request_is_handed_to_the_run(cloud):
    arn = machine(cloud, {"Wrong": {"Type": "Fail"}})

    cloud.make("invoke", "--input", '{"resync": true}')

    client = cloud.aws.client("stepfunctions")
    execution = client.list_executions(stateMachineArn=arn)["executions"][0]["executionArn"]
    assert json.loads(client.describe_execution(executionArn=execution)["input"]) == {"resync": True}


def test_a_run_that_fails_says_why_and_exits_with_1(cloud, capsys):
    cause = json.dumps({"errorMessage": "staff lost a column", "stackTrace": ["line"]})
    machine(cloud, {"Wrong": {"Type": "Fail", "Error": "SchemaDriftError", "Cause": cause}})

    assert cloud.make("invoke") == 1

    shown = capsys.readouterr().out
    assert "FAILED: SchemaDriftError staff lost a column" in shown
    assert "stackTrace" not in shown


def test_a_request_that_extraction_would_refuse_is_refused_before_a_run_starts(cloud, capsys):
    assert cloud.make("invoke", "--input", '{"backfil": ["staff"]}') == 1

    assert "A run can be asked for resync, backfill" in capsys.readouterr().out
    assert cloud.calls() == []


def test_where_files_are_dropped_and_nothing_runs_a_person_is_told_to_drop_one(cloud, capsys):
    cloud.says["outputs"] = {"files": "s3://dropped"}

    assert cloud.make("invoke") == 1
    assert "aws s3 cp FILE s3://dropped/TABLE/" in capsys.readouterr().out


def test_where_exports_arrive_and_nothing_runs_a_person_is_told_to_write_one(cloud, capsys):
    cloud.says["outputs"] = {"exports": "s3://exports"}

    assert cloud.make("invoke") == 1
    assert "aws s3 cp FILE s3://exports/TENANT/TABLE/VERSION/" in capsys.readouterr().out


def test_where_records_come_by_post_and_nothing_runs_a_person_is_told_to_post_one(cloud, capsys):
    cloud.says["outputs"] = {"delivery_api": "https://api.example.com/v1"}

    assert cloud.make("invoke") == 1
    shown = " ".join(capsys.readouterr().out.split())
    assert 'curl -X POST https://api.example.com/v1/ingest -H "x-api-key: $KEY"' in shown


@pytest.mark.parametrize("text", ["resync", "[]", ""])
def test_a_request_that_is_no_object_is_refused_before_anything_starts(cloud, text, capsys):
    assert cloud.make("invoke", "--input", text) == 1

    assert cloud.calls() == []
    assert "no JSON object" in capsys.readouterr().out


@pytest.fixture
def lines(cloud):
    """Log a narrated line, the platform's own, a critical one, and one from two hours ago."""
    told = {"message": "batch extracted", "batch": 7, "level": "INFO", "run_id": "r1"}
    critical = {
        "message": "stage failed",
        "level": "CRITICAL",
        "error_type": "QueryError",
        "error": "why",
        "run_id": "r2",
    }
    log(cloud, "extraction", [(0, json.dumps(told)), (0, "START RequestId: 1"), (7200, "long ago")])
    log(cloud, "load", [(0, json.dumps(critical))])


def log(cloud, name, lines):
    logs = cloud.aws.client("logs")
    groups, stream = cloud.says["outputs"].setdefault("log_group_names", {}), uuid.uuid4().hex
    if name not in groups:
        logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName=stream)
    now = int(time.time() * 1000)
    events = sorted(({"timestamp": now - age * 1000, "message": text} for age, text in lines), key=str)
    logs.put_log_events(logGroupName=name, logStreamName=stream, logEvents=events)
    groups[name] = name


@pytest.mark.usefixtures("lines")
def test_lines_of_all_functions_are_told_as_sentences_with_their_runs(cloud, capsys):
    assert cloud.make("logs") == 0

    shown = capsys.readouterr().out
    assert "stage failed QueryError why (run r2)" in shown
    assert "batch 7" in shown
    assert "START" not in shown
    assert "long ago" not in shown


def test_lines_of_the_file_drop_are_told_with_their_files(cloud, capsys):
    loaded = {"message": "file loaded", "table": "public.readings", "row_count": 2, "key": "readings/a.csv"}
    given_up = {"message": "message put aside", "level": "CRITICAL", "error_type": "UnroutableError", "error": "why"}
    log(cloud, "file_drop", [(0, json.dumps(loaded)), (0, json.dumps(given_up))])

    assert cloud.make("logs") == 0

    shown = capsys.readouterr().out
    assert "2 rows (file readings/a.csv)" in shown
    assert "ALERT: UnroutableError: why The file waits among the dead letters: starlift dlq list" in shown


def test_lines_of_full_exports_are_told_with_their_executions(cloud, capsys):
    version = {"tenant": "acme", "table": "orders", "version": "v2"}
    computed = {"message": "changes computed", **version, "counts": {"inserted": 1200, "unchanged": 3}, "run_id": "e1"}
    refused = {"message": "change refused", "level": "CRITICAL", "change": "acme/orders/v2/2/7", "error": "why"}
    log(cloud, "delta", [(0, json.dumps(computed))])
    log(cloud, "changes", [(0, json.dumps(refused))])

    assert cloud.make("logs") == 0

    shown = capsys.readouterr().out
    assert "acme/orders/v2: 1,200 inserted (run e1)" in shown
    assert "ALERT: acme/orders/v2/2/7: why" in shown


@pytest.mark.usefixtures("lines")
def test_older_lines_are_shown_when_asked_for(cloud, capsys):
    assert cloud.make("logs", "--since", "3h") == 0

    assert "long ago" in capsys.readouterr().out


@pytest.mark.usefixtures("lines")
def test_an_age_that_is_none_is_refused(cloud, capsys):
    assert cloud.make("logs", "--since", "yesterday") == 1

    assert "30m, 2h or 1d" in capsys.readouterr().out


def test_a_line_that_comes_late_is_told_too(cloud):
    log(cloud, "load", [(0, "newest")])
    log(cloud, "extraction", [(30, "first")])
    tail = Tail(cloud.aws, {"load": "load", "extraction": "extraction"}, since=0)

    tail.look()
    log(cloud, "extraction", [(20, "older")])

    assert [line for _, _, line in tail.look()] == ["older"]


@pytest.mark.usefixtures("lines")
def test_logs_that_are_followed_tell_each_line_once(cloud):
    tail = Tail(cloud.aws, {"load": "load"}, since=0)

    first = tail.look()
    log(cloud, "load", [(0, "later")])
    second = tail.look()

    assert len(first) == 1
    assert [line for _, _, line in second] == ["later"]
