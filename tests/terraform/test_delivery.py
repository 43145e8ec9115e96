"""Delivery, deployed to the second emulated AWS: from a POST to the endpoint, and all that goes wrong between."""

import json
import re

import pytest

from local.delivery.sink_faults import Cut, Fault
from tests.emulator import why_not
from tests.terraform.calls import Right
from tests.terraform.delivery import FUNCTIONS, HEADER, VISIBLE_AFTER, built, deployed_delivery, reading
from tests.terraform.deployment import planned_changes
from tests.terraform.emulated import until
from tests.terraform.filter_pattern import matches
from tests.terraform.inspection import alarms, boundary_of, filter_of, metric_filters, remaining_buckets, untold_alarms
from tests.terraform.policies import allows, allows_action, unused
from tests.terraform.program import CONFIGURATION
from tests.terraform.test_deployment import ONLY_HERE

pytestmark = pytest.mark.timeout(900)
FORGOTTEN = {'module.delivery[0].module.function["query"].aws_s3_object.package["layer"]': {"tags_all"}}
USED = {  # by each function in what is above, so that no comparison is of nothing
    "ingest": {"s3:PutObject", "s3:GetObject", "s3:ListBucket"},
    "query": {"athena:StartQueryExecution", "athena:GetQueryResults", "dynamodb:BatchGetItem", "sqs:SendMessage"},
    "delivery": {"secretsmanager:GetSecretValue", "dynamodb:PutItem", "sqs:SendMessage"},
}
DOWN = Fault(status=503, times=0)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory):
    if why := why_not():
        pytest.skip(f"Delivery is not tested: {why}.")
    packages = built(tmp_path_factory.mktemp("packages"), tmp_path_factory.mktemp("project") / "totesys")
    with deployed_delivery(tmp_path_factory.mktemp("deployment"), packages) as found:
        yield found


@pytest.fixture(scope="module")
def deployed_settings(deployment):
    """Return the queue's settings as they were deployed."""
    return deployment.attributes("queue")


@pytest.fixture(scope="module")
def delivery_in_use(deployment, deployed_settings):
    """Return delivery in use: its endpoint is known, and retries come within seconds."""
    name, value = HEADER
    deployment.put_secret("endpoint", {"url": deployment.running.url, "header_name": name, "header_value": value})
    url, soon = deployment.outputs["delivery_queue_url"], {"VisibilityTimeout": str(VISIBLE_AFTER)}
    deployment.aws.client("sqs").set_queue_attributes(QueueUrl=url, Attributes=soon)
    return deployment


@pytest.fixture
def delivery(delivery_in_use):
    """Return delivery with an endpoint that does as it should."""
    yield delivery_in_use
    delivery_in_use.sink.faults.set([])
    delivery_in_use.sink.refused.clear()


def post_some(delivery, sensor, count=3):
    """Post readings that must be taken, run the query, and return how many it queued."""
    status, told = delivery.post([reading(sensor, ago=number + 1.0) for number in range(count)])
    assert (status, told["stored"]) == (200, count), told
    return delivery.query()["records"]


def test_a_post_with_a_senders_key_is_stored_under_its_records_own_hour(delivery):
    record = reading("keyed", ago=7200)

    status, told = delivery.post(record, delivery.key("lab"))
    (key,) = told["objectKeys"]
    assert (status, told["count"], told["stored"]) == (200, 1, 1)
    assert key.startswith(f"raw/year={record['timestamp'][:4]}/month={record['timestamp'][5:7]}/day=")
    assert f"/hour={record['timestamp'][11:13]}/" in key
    assert delivery.keys_below("raw/") == [key]


@pytest.mark.parametrize("key", [None, "wrong" * 8])
def test_a_post_without_a_senders_key_is_refused_and_stores_nothing(delivery, key):
    before = delivery.keys_below("")

    assert delivery.post(reading("locked-out"), key)[0] == 403
    assert delivery.keys_below("") == before


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b"{", "not JSON"),
        ([], "no record"),
        ([{"sensorId": "bad"}], "missing"),
        ([reading("bad", ago=-900)], "future"),
        ([reading("bad", temperature=5000)], "1000"),
        ([{**reading("bad"), "colour": "red"}], "colour"),
    ],
)
def test_a_bad_body_is_told_its_reasons_and_stores_nothing(delivery, body, reason):
    before = delivery.keys_below("")

    status, told = delivery.post(body)
    assert status == 400
    assert reason in json.dumps(told["reasons"])
    assert delivery.keys_below("") == before


def test_a_key_that_is_used_again_stores_nothing_new_and_for_other_records_nothing_at_all(delivery):
    record, key = reading("once"), {"Idempotency-Key": "7f1c"}

    assert delivery.post(record, **key)[1]["stored"] == 1
    assert delivery.post(record, **key)[1]["stored"] == 0
    assert delivery.post(reading("other"), **key)[0] == 409


def test_a_record_without_a_timestamp_gets_the_time_of_receipt(delivery):
    record = {name: value for name, value in reading("timeless").items() if name != "timestamp"}

    first, again = delivery.post(record)[1], delivery.post(record)[1]
    assert (first["stored"], again["stored"]) == (1, 0)
    assert first["objectKeys"] == again["objectKeys"]


def test_a_thousand_records_of_many_hours_posted_twice_are_in_the_sink_once(delivery):
    records = [reading(f"many-{number}", ago=60 + number * 80.0) for number in range(1000)]
    posts = [records[start : start + 250] for start in range(0, 1000, 250)]

    first = [delivery.post(each)[1]["stored"] for each in posts]
    again = [delivery.post(each)[1]["stored"] for each in posts]
    answer = delivery.query()
    delivery.settle()
    assert (sum(first), sum(again)) == (1000, 0)
    assert len({key.rpartition("/")[0] for key in delivery.keys_below("raw/")}) > 20
    assert answer["records"] >= 1000
    assert dict.fromkeys((record["sensorId"] for record in records), 1).items() <= delivery.delivered().items()


def test_a_temperature_arrives_in_celsius_with_its_id_and_object(delivery):
    delivery.post(reading("boiling", temperature=212.0))
    delivery.query()
    delivery.settle()

    (record,) = [each for each in delivery.sink.store.records() if each["sensorId"] == "boiling"]
    assert record["temperature"] == 100
    assert record["objectKey"] in delivery.keys_below("raw/")


def test_a_late_record_is_found_behind_the_mark_and_nothing_that_was_queued_comes_again(delivery):
    post_some(delivery, "in-time")
    delivery.post(reading("late", ago=20 * 3600))

    assert delivery.query()["records"] == 1
    assert delivery.query()["records"] == 0
    delivery.settle()
    assert delivery.delivered()["late"] == 1


def test_ten_thousand_rows_of_one_query_are_all_delivered(delivery):
    assert post_some(delivery, "ten-thousand", 10_000) == 10_000

    delivery.settle()
    assert delivery.delivered()["ten-thousand"] == 10_000


def test_records_wait_while_the_endpoint_is_down_and_arrive_once_it_is_up(delivery):
    delivery.sink.faults.set([DOWN])
    post_some(delivery, "patient")
    until(lambda: delivery.logged_by("delivery", "batch not delivered"))

    assert "patient" not in delivery.delivered()
    assert delivery.waiting("queue") == 1
    delivery.sink.faults.set([])
    delivery.settle()
    assert delivery.delivered()["patient"] == 3
    assert delivery.dead_letters() == []


@pytest.mark.parametrize(
    ("sensor", "fault"),
    [
        ("flapping", Fault(status=500, each=2, times=2)),
        ("throttled", Fault(status=429, retry_after="1", times=2)),
        ("slow", Fault(delay=2.0, times=1)),
        ("cut-before", Fault(cut=Cut.UNSTORED)),
        ("cut-after", Fault(cut=Cut.STORED)),
    ],
)
def test_an_endpoint_in_trouble_has_every_record_once_in_the_end(delivery, sensor, fault):
    delivery.sink.faults.set([fault])
    post_some(delivery, sensor, 700)  # two batches
    delivery.settle()

    assert delivery.delivered()[sensor] == 700
    assert delivery.dead_letters() == []


def test_a_poison_record_goes_to_the_dead_letters_with_its_answer_and_all_others_arrive(delivery):
    delivery.sink.faults.set([DOWN])
    post_some(delivery, "beside-poison", 8)
    poison = one_id_of(delivery, "beside-poison")
    delivery.sink.refused.add(poison)
    delivery.sink.faults.set([])
    delivery.settle()

    (letter,) = delivery.dead_letters()
    (record,) = json.loads(letter["Body"])["records"]
    assert record["id"] == poison
    assert letter["MessageAttributes"]["status"]["StringValue"] == "422"
    assert delivery.delivered()["beside-poison"] == 7


def one_id_of(delivery, sensor):
    """Return the id of a record that is in the lake and not yet in the sink."""
    s3, bucket = delivery.aws.client("s3"), delivery.outputs["delivery_raw"].removeprefix("s3://")
    for key in delivery.keys_below("raw/"):
        for line in s3.get_object(Bucket=bucket, Key=key)["Body"].read().splitlines():
            if json.loads(line)["sensorId"] == sensor:
                return json.loads(line)["id"]
    raise LookupError(sensor)


def test_a_dead_letter_that_is_sent_back_as_it_is_arrives(delivery):
    sqs, queue = delivery.aws.client("sqs"), delivery.outputs["delivery_queue_url"]
    post_some(delivery, "sent-back", 1)
    delivery.settle()
    (record,) = [each for each in delivery.sink.store.records() if each["sensorId"] == "sent-back"]
    body = {"records": [{**record, "id": "mended"}], "refused": {"times": 1, "status": 422}}
    sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(body))
    delivery.settle()

    assert delivery.delivered()["sent-back"] == 2


def test_a_message_that_nobody_can_read_is_put_aside_at_once(delivery):
    sqs, queue = delivery.aws.client("sqs"), delivery.outputs["delivery_queue_url"]
    sqs.send_message(QueueUrl=queue, MessageBody="what is this?")
    delivery.settle()

    (letter,) = delivery.dead_letters()
    assert letter["Body"] == "what is this?"


def test_a_message_that_is_tried_too_often_goes_to_the_dead_letters_whole(delivery, deployed_settings):
    sqs, queue = delivery.aws.client("sqs"), delivery.outputs["delivery_queue_url"]
    redrive = json.loads(deployed_settings["RedrivePolicy"])
    sqs.set_queue_attributes(
        QueueUrl=queue, Attributes={"RedrivePolicy": json.dumps({**redrive, "maxReceiveCount": 1})}
    )
    delivery.sink.faults.set([DOWN])
    post_some(delivery, "given-up")
    (letter,) = until(delivery.dead_letters)
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"RedrivePolicy": json.dumps(redrive)})

    assert redrive["maxReceiveCount"] == 300
    assert [record["sensorId"] for record in json.loads(letter["Body"])["records"]] == ["given-up"] * 3
    delivery.sink.faults.set([])
    sqs.send_message(QueueUrl=queue, MessageBody=letter["Body"])
    delivery.settle()
    assert delivery.delivered()["given-up"] == 3


def test_who_posts_more_than_a_plan_allows_is_told_429(delivery):
    gateway = delivery.aws.client("apigateway")
    (ours,) = gateway.get_usage_plans()["items"]
    plan = gateway.create_usage_plan(
        name="narrow", apiStages=ours["apiStages"], throttle={"rateLimit": 1.0, "burstLimit": 1}
    )
    key = gateway.create_api_key(name="hasty", enabled=True)
    gateway.create_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"], keyType="API_KEY")
    answers = [delivery.post(reading("hasty"), key["value"])[0] for _ in range(6)]
    gateway.delete_usage_plan(usagePlanId=plan["id"])
    gateway.delete_api_key(apiKey=key["id"])

    assert (answers[0], answers[-1]) == (200, 429)


def test_the_usage_plan_limits_each_sender(deployment):
    (plan,) = deployment.aws.client("apigateway").get_usage_plans()["items"]

    assert (plan["quota"]["limit"], plan["quota"]["period"]) == (500_000, "DAY")
    assert (plan["throttle"]["rateLimit"], plan["throttle"]["burstLimit"]) == (1000, 2000)


def test_every_accepted_record_is_in_the_sink_exactly_once_after_all_this(delivery):
    delivery.query()
    delivery.settle()
    s3, bucket = delivery.aws.client("s3"), delivery.outputs["delivery_raw"].removeprefix("s3://")
    bodies = [s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in delivery.keys_below("raw/")]
    accepted = {json.loads(line)["id"] for body in bodies for line in body.splitlines()}

    held = [record["id"] for record in delivery.sink.store.records() if record["id"] != "mended"]
    refused = {line["first_id"] for line in delivery.logged_by("delivery", "record refused")}
    assert len(held) == len(set(held)) > 14_000
    assert accepted - set(held) == refused
    assert len(refused) == 1


def test_the_schedule_starts_the_query_with_the_right_to_do_so(deployment):
    found = deployment.aws.client("scheduler").get_schedule(GroupName="totesys-test-query", Name="totesys-test-query")
    (statement,) = deployment.policy("totesys-test-query-schedule")["Statement"]

    assert (found["ScheduleExpression"], found["State"]) == ("rate(15 minutes)", "DISABLED")
    assert found["Target"]["Arn"].endswith(":function:totesys-test-query")
    assert statement["Resource"] == [found["Target"]["Arn"]]


def test_a_message_stays_hidden_for_longer_than_six_times_the_functions_time(deployment, deployed_settings):
    name = deployment.outputs["function_names"]["delivery"]
    held = deployment.aws.client("lambda").get_function_configuration(FunctionName=name)

    assert held["Timeout"] == 120
    assert int(deployed_settings["VisibilityTimeout"]) > 6 * held["Timeout"]


def test_the_ledger_forgets_by_its_ttl_and_can_be_restored(deployment):
    dynamodb, name = deployment.aws.client("dynamodb"), deployment.outputs["delivery_ledger"].partition("//")[2]

    ttl = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    assert (ttl["TimeToLiveStatus"], ttl["AttributeName"]) == ("ENABLED", "expires_at")
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def test_every_alarm_tells_the_topic(deployment):
    topic, found = deployment.outputs["alerts_topic_arn"], alarms(deployment)

    assert {name.removeprefix("totesys-test-") for name in found} == {
        *(f"{function}-{what}" for function in FUNCTIONS for what in ("critical", "errors")),
        *("ingest-5xx", "query-missing", "delivery-failing", "records-dead-letters", "records-waiting"),
    }
    assert all(alarm["AlarmActions"] == [topic] for alarm in found.values())


def test_every_alarm_has_a_line_in_the_runbook(deployment):
    assert untold_alarms(deployment) == []


def test_what_is_refused_and_what_is_not_delivered_prints_the_lines_that_the_alarms_count(delivery):
    pattern, metric = filter_of(delivery, "delivery")
    undelivered = metric_filters(delivery, "delivery")["totesys-test-delivery-batches-not-delivered"]
    lines = delivery.lines_of("delivery")

    critical = [json.loads(line)["message"] for line in lines if matches(pattern, line)]
    assert set(critical) == {"record refused", "message put aside"}
    assert alarms(delivery)[metric.removesuffix("-lines")]["MetricName"] == metric
    failed = [line for line in lines if matches(undelivered["filterPattern"], line)]
    assert {json.loads(line)["message"] for line in failed} == {"batch not delivered"}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_call_of_a_function_would_have_been_denied(delivery, function):
    delivery.hear()
    name = delivery.outputs["function_names"][function]
    asked, policy = delivery.calls.rights[name], delivery.policy(f"{name}-function")

    assert USED[function] <= {right.action for right in asked}
    assert sorted(right for right in asked if not allows(policy, right)) == []


@pytest.mark.parametrize("function", FUNCTIONS)
def test_each_right_that_a_function_did_not_use_has_its_reason_beside_it(delivery, function):
    delivery.hear()
    name = delivery.outputs["function_names"][function]
    comments = "\n".join(re.findall(r"#.*", "".join(path.read_text() for path in CONFIGURATION.rglob("iam.tf"))))

    left = unused(delivery.policy(f"{name}-function"), delivery.calls.rights[name])
    assert [action for action in left if action.partition(":")[2] not in comments] == []


@pytest.mark.parametrize("role", [*(f"{name}-function" for name in FUNCTIONS), "query-schedule", "access-logs"])
def test_no_role_can_do_more_than_the_boundary_lets_a_workflow_give(deployment, role):
    boundary = boundary_of(deployment.aws.client("iam"))

    given = {action for each in deployment.policy(f"totesys-test-{role}")["Statement"] for action in each["Action"]}
    assert sorted(action for action in given if not allows_action(boundary, action)) == []


def test_no_function_can_remove_a_record_and_only_delivery_learns_the_endpoint(delivery):
    policies = {name: delivery.policy(f"totesys-test-{name}-function") for name in FUNCTIONS}
    raw = delivery.outputs["delivery_raw"].replace("s3://", "arn:aws:s3:::")

    assert not any(allows_action(policy, "s3:DeleteObject") for policy in policies.values())
    assert [name for name in FUNCTIONS if allows(policies[name], Right("s3:PutObject", f"{raw}/raw/any"))] == ["ingest"]
    assert not allows(policies["ingest"], Right("s3:GetObject", f"{raw}/raw/any"))
    assert [name for name in FUNCTIONS if allows_action(policies[name], "secretsmanager:GetSecretValue")] == [
        "delivery"
    ]


def test_a_second_plan_changes_nothing_but_what_the_emulator_forgets(delivery):
    changes = planned_changes(delivery.terraform)

    set_here = changes.pop("module.delivery[0].module.queue.aws_sqs_queue.this")
    assert set_here == {"visibility_timeout_seconds", "redrive_policy"}
    assert {where: what for where, what in changes.items() if "aws_cloudwatch_metric_alarm" not in where} == FORGOTTEN


def test_destroying_leaves_nothing_and_no_call_would_have_been_denied_to_the_workflow_that_applies(delivery):
    rights = delivery.policy("totesys-github-deploy")
    protections = [f"module.{name}.terraform_data.protection[0]" for name in ("permanent", "delivery[0]")]
    delivery.terraform.change("apply -refresh=false", functions_enabled="false")
    delivery.terraform.run("state rm", *protections)
    delivery.terraform.change("apply -refresh=false", functions_enabled="false", protect_data="false")
    delivery.empty()
    delivery.terraform.change("destroy -refresh=false", functions_enabled="false", protect_data="false")

    delivery.hear()
    assert delivery.terraform.run("state list") == ""
    assert {"apigateway:DELETE", "dynamodb:DeleteTable", "athena:DeleteWorkGroup"} <= delivery.calls.actions
    assert sorted(action for action in delivery.calls.actions - ONLY_HERE if not allows_action(rights, action)) == []
    assert remaining_buckets(delivery) == [delivery.bootstrap.outputs()["state_bucket"]]
