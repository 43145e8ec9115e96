"""The second emulator: its functions are the sandbox's, its queues bring back what failed, and it outlives nobody."""

import io
import json
import textwrap
import time
import zipfile

import psutil
import pytest

from tests import emulator as emulated
from tests.emulator import emulator, why_not

pytestmark = pytest.mark.timeout(120)
ROLE = "arn:aws:iam::123456789012:role/any"
CODE = """
import json

class WarehouseBusyError(Exception):
    pass

def fail(event, context):
    print("about to fail")
    raise WarehouseBusyError("later")

def refuse_bad(event, context):
    print(json.dumps([record["body"] for record in event["Records"]]))
    bad = [record["messageId"] for record in event["Records"] if record["body"] == "bad"]
    return {"batchItemFailures": [{"itemIdentifier": found} for found in bad]}
"""


@pytest.fixture
def lines():
    return []


@pytest.fixture
def aws(tmp_path, lines):
    if why := why_not():
        pytest.skip(f"The second emulator is not tested: {why}.")
    with emulator(tmp_path, lambda _name, line: lines.append(line)) as found:
        yield found


def create_function(aws, name):
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("code.py", textwrap.dedent(CODE))
    aws.client("lambda").create_function(
        FunctionName=name, Runtime="python3.13", Handler=f"code.{name}", Role=ROLE, Code={"ZipFile": package.getvalue()}
    )


def create_queue(aws, name, **attributes):
    """Create a queue and return its URL and ARN."""
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def until(look):
    end = time.monotonic() + 60
    while not look():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_an_error_keeps_its_name_and_what_was_printed_is_in_the_functions_log(aws):
    create_function(aws, "fail")

    answer = aws.client("lambda").invoke(FunctionName="fail", Payload=b"{}")

    assert json.loads(answer["Payload"].read())["errorType"] == "WarehouseBusyError"
    events = aws.client("logs").filter_log_events(logGroupName="/aws/lambda/fail")["events"]
    assert "about to fail" in [event["message"] for event in events]


def test_of_a_batch_what_failed_comes_back_alone_and_ends_in_the_dead_letters(aws, lines):
    create_function(aws, "refuse_bad")
    dead, dead_arn = create_queue(aws, "dead")
    redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 2})
    queue, arn = create_queue(aws, "queue", VisibilityTimeout="1", RedrivePolicy=redrive)
    entries = [{"Id": body, "MessageBody": body} for body in ("good", "bad")]
    aws.client("sqs").send_message_batch(QueueUrl=queue, Entries=entries)
    aws.client("lambda").create_event_source_mapping(
        FunctionName="refuse_bad", EventSourceArn=arn, FunctionResponseTypes=["ReportBatchItemFailures"]
    )

    until(lambda: "Messages" in aws.client("sqs").receive_message(QueueUrl=dead, VisibilityTimeout=0))
    assert list(map(json.loads, lines)) == [["good", "bad"], ["bad"]]


def test_it_listens_to_this_machine_alone_and_ends_with_its_starter(tmp_path):
    if why := why_not():
        pytest.skip(f"The second emulator is not tested: {why}.")
    process, _ = emulated._start(tmp_path, "http://127.0.0.1:1/")
    held = psutil.Process(process.pid).net_connections()

    process.stdin.close()

    assert {each.laddr.ip for each in held if each.status == psutil.CONN_LISTEN} == {"127.0.0.1"}
    assert process.wait(30) is not None
