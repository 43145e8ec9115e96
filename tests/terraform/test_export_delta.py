"""Full exports, deployed to the second emulated AWS: from an object to the row, and what goes wrong between."""

import json
import re
import shutil
import tempfile
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from cli.main import app
from load.changes.wiring import TARGET
from local.packaging.build_target import here
from local.packaging.packages import Build, build_packages
from tests.conftest import run_on_server
from tests.emulator import why_not
from tests.terraform.calls import Right
from tests.terraform.deployment import login, planned_changes
from tests.terraform.emulated import until
from tests.terraform.exports import MAX_RETRIES, deployed_exports
from tests.terraform.filter_pattern import matches
from tests.terraform.inspection import alarms, boundary_of, filter_of, remaining_buckets, untold_alarms
from tests.terraform.policies import allows, allows_action, unused
from tests.terraform.program import CONFIGURATION
from tests.terraform.test_deployment import ONLY_HERE
from utils.postgres.connection import connect
from utils.postgres.url import parse_url

pytestmark = pytest.mark.timeout(900)
FUNCTIONS = ("exports", "delta", "changes")
TABLES = {
    "orders": 'key = ["id"]\n',
    "parts": 'key = ["id"]\nclosed_by = "_SUCCESS"\n',
    "stock": 'key = ["id"]\nformat = "parquet"\nengine = "athena"\n',
}
USED = {  # by each function in what is above, so that no comparison is of nothing
    "exports": {"dynamodb:PutItem", "states:StartExecution", "states:DescribeExecution", "sns:Publish"},
    "delta": {
        *("s3:PutObject", "s3:DeleteObject", "dynamodb:PutItem", "kinesis:PutRecords"),
        *("athena:StartQueryExecution", "athena:GetQueryResults", "glue:CreateTable", "glue:DeleteTable"),
    },
    "changes": {"secretsmanager:GetSecretValue", "s3:GetObject"},
}
FORGOTTEN = {  # by the emulator, argument by argument
    "module.export_delta[0].aws_kinesis_stream.changes": {"tags_all"},
    "module.export_delta[0].aws_lambda_event_source_mapping.changes[0]": {"metrics_config"},
    "module.export_delta[0].aws_sfn_state_machine.this[0]": {"tracing_configuration"},
    'module.export_delta[0].module.function["delta"].aws_s3_object.package["layer"]': {"tags_all"},
}
TARGETS = "CREATE TABLE {} (id integer PRIMARY KEY, item text, price numeric(8,2) CHECK (price >= 0))"
HEADER = "id,item,price\n"
V1 = HEADER + "1,pen,1.50\n2,ink,2.00\n3,pad,3.00\n"
V2 = HEADER + "1,pen,1.75\n2,ink,2.00\n4,cap,4.00\n"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project") / "totesys"
    (folder / "exports").mkdir(parents=True)
    (folder / "pipeline.toml").write_text('name = "totesys"\n')
    for name, text in TABLES.items():
        (folder / f"exports/{name}.toml").write_text(text)
    return folder


@pytest.fixture(scope="module")
def packages(tmp_path_factory, project):
    """Return a folder with the functions' zips, and the project in them."""
    folder = tmp_path_factory.mktemp("packages")
    build = Build(here(), project, say=lambda _line: None, functions=folder)
    for package in build_packages(build, FUNCTIONS).values():
        shutil.copy(package.layer, folder)
    return folder


@pytest.fixture(scope="module")
def target(postgres_server):
    run_on_server(postgres_server, "CREATE DATABASE terraform_exports")
    url = postgres_server.url("terraform_exports")
    with connect(parse_url(url), TARGET) as session:
        for name in TABLES:
            session.run(TARGETS.format(name))
    yield url
    run_on_server(postgres_server, "DROP DATABASE terraform_exports WITH (FORCE)")


@pytest.fixture(scope="module")
def deployment(tmp_path_factory, packages):
    if why := why_not():
        pytest.skip(f"Full exports are not tested: {why}.")
    with deployed_exports(tmp_path_factory.mktemp("deployment"), packages) as found:
        yield found


@pytest.fixture(scope="module")
def exports(deployment, target):
    """Return full exports in use: the function that applies changes may log in."""
    deployment.put_secret("exports", login(target))
    return deployment


@pytest.fixture
def query(target):
    """Return a function that asks the target and returns its rows."""
    with connect(parse_url(target), TARGET) as session:
        yield lambda statement: [list(row) for row in session.run(statement) or ()]


@pytest.fixture
def starlift(exports, project, target, monkeypatch):
    """Return a function that does to the exports what a person does, and returns what showed."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", exports.aws.endpoint)
    monkeypatch.setenv("STARLIFT_REGISTRY", exports.outputs["exports_registry"])
    monkeypatch.setenv("STARLIFT_EXPORTS", exports.outputs["exports"])

    def run(*words):
        done = CliRunner().invoke(app, ["exports", *words])
        assert done.exit_code == 0, (done.output, done.exception)
        return done.stdout

    def resync(series):
        return run("resync", series, "--project", str(project), "--warehouse", target, "--yes")

    run.resync = resync
    return run


def rows(query, table="orders"):
    return query(f"SELECT id, item, price::text FROM {table} ORDER BY id")


def test_a_first_export_is_inserted_into_its_target(exports, query):
    exports.write("acme/orders/2026-11-01/orders.csv.gz", V1)

    assert exports.execution("2026-11-01")["status"] == "SUCCEEDED"
    assert exports.entry("2026-11-01").counts["inserted"] == 3
    until(lambda: rows(query) == [[1, "pen", "1.50"], [2, "ink", "2.00"], [3, "pad", "3.00"]])


def test_the_next_export_updates_inserts_and_deletes(exports, query):
    exports.write("acme/orders/2026-11-02/orders.csv.gz", V2)

    entry = exports.entry("2026-11-02")
    assert {name: entry.counts[name] for name in ("inserted", "updated", "deleted", "unchanged")} == {
        "inserted": 1,
        "updated": 1,
        "deleted": 1,
        "unchanged": 1,
    }
    until(lambda: rows(query) == [[1, "pen", "1.75"], [2, "ink", "2.00"], [4, "cap", "4.00"]])


def test_an_export_of_several_files_waits_for_the_one_that_closes_it(exports, query):
    exports.write("acme/parts/v 1+1/a.csv.gz", HEADER + "1,nut,0.10\n")
    exports.write("acme/parts/v 1+1/b.csv", HEADER + "2,bolt,0.20\n")
    exports.write("acme/parts/v 1+1/_SUCCESS", "")

    assert exports.entry("v 1+1", "parts").files == 2
    until(lambda: rows(query, "parts") == [[1, "nut", "0.10"], [2, "bolt", "0.20"]])
    assert len(exports.executions("acme-parts-")) == 1


def test_an_older_export_is_refused_and_changes_nothing(exports, query):
    exports.write("acme/orders/2026-10-31/orders.csv.gz", V1)

    ended = exports.execution("2026-10-31")
    assert (ended["status"], ended["error"]) == ("FAILED", "ExportOutdatedError")
    assert exports.registry.entry("acme/orders", "2026-10-31") is None
    assert exports.registry.head("acme/orders").succeeded == "2026-11-02"
    assert [row[0] for row in rows(query)] == [1, 2, 4]


def test_a_broken_export_fails_is_marked_and_told_of_with_its_cause(exports):
    exports.alerts()
    exports.write("acme/orders/2026-11-03/orders.csv.gz", HEADER + "1,pen,1.75\n1,pen,2.00\n")

    assert exports.execution("2026-11-03")["status"] == "FAILED"
    entry = exports.entry("2026-11-03")
    assert (entry.status, entry.cause.partition(":")[0]) == ("failed", "DuplicateKeyError")
    assert exports.registry.head("acme/orders").owner is None
    (alert,) = until(exports.alerts)
    assert alert["Subject"] == "Starlift: an export failed"
    assert "2026-11-03" in alert["Message"]
    assert "DuplicateKeyError" in alert["Message"]


def test_what_is_no_export_is_refused_with_an_alert_and_not_tried_again(exports):
    exports.alerts()
    exports.write("acme/nowhere/v1/a.csv", "id\n1\n")

    (alert,) = until(exports.alerts)
    assert alert["Subject"] == "Starlift: an export was refused"
    assert "exports/nowhere.toml" in alert["Message"]
    pattern, _ = filter_of(exports, "exports")
    assert [line for line in exports.lines_of("exports") if matches(pattern, line)]


def test_a_change_that_the_target_refuses_is_set_aside_and_the_others_are_applied(exports, query):
    exports.write("acme/orders/2026-11-04/orders.csv.gz", V2 + "5,lid,-5.00\n6,box,6.00\n7,bag,7.00\n8,tag,8.00\n")
    assert exports.entry("2026-11-04").counts["inserted"] == 4

    (refused,) = until(exports.refused)
    (record,) = json.loads(refused["payload"])["Records"]
    assert refused["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert refused["requestContext"]["approximateInvokeCount"] == MAX_RETRIES + 1
    until(lambda: [row[0] for row in rows(query)] == [1, 2, 4, 6, 7, 8])
    told = exports.logged_by("changes", "change refused")
    assert {line["record"] for line in told} == {record["kinesis"]["sequenceNumber"]}
    assert "-5.00" not in json.dumps(told)


def test_a_resync_mends_what_was_set_aside_once_the_target_takes_it(exports, query, starlift):
    query("ALTER TABLE orders DROP CONSTRAINT orders_price_check")

    assert "1 missing, 0 different, 0 not in the export" in starlift.resync("acme/orders")
    assert [5, "lid", "-5.00"] in rows(query)


def test_an_object_that_is_told_of_again_starts_nothing_and_one_that_failed_starts_again(exports):
    exports.write("acme/orders/2026-11-04/orders.csv.gz", V2 + "5,lid,-5.00\n6,box,6.00\n7,bag,7.00\n8,tag,8.00\n")
    exports.write("acme/orders/2026-11-05/orders.csv.gz", "")
    exports.execution("2026-11-05")
    exports.write("acme/orders/2026-11-05/orders.csv.gz", "")

    until(lambda: len(exports.executions("acme-orders-2026-11-05-")) == 2)
    assert len(exports.executions("acme-orders-2026-11-04-")) == 1


def test_a_change_too_large_for_the_stream_comes_through_the_bucket(exports, query):
    exports.write("acme/parts/v 1+2/a.csv.gz", HEADER + f"1,nut,0.10\n2,bolt,0.20\n3,{'x' * 1_100_000},0.30\n")
    exports.write("acme/parts/v 1+2/_SUCCESS", "")

    until(lambda: query("SELECT id, length(item) FROM parts WHERE id = 3") == [[3, 1_100_000]])


def stock(*rows):
    listed = ", ".join(f"({number}, '{item}', {price}::decimal(8,2))" for number, item, price in rows)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stock.parquet"
        duckdb.execute(f"COPY (FROM (VALUES {listed}) AS t(id, item, price)) TO '{path}'")
        return path.read_bytes()


def test_a_table_may_be_compared_in_athena_which_leaves_only_its_answers_and_they_expire(exports, query):
    exports.write("acme/stock/v1/a.parquet", stock((1, "pen", 1.5), (2, "ink", 2)))
    first = exports.entry("v1", "stock")
    assert (first.cause, first.status) == (None, "succeeded")
    exports.write("acme/stock/v2/a.parquet", stock((1, "pen", 1.75), (3, "pad", 3)))

    found = exports.entry("v2", "stock").counts
    assert (found["inserted"], found["updated"], found["deleted"]) == (1, 1, 1)
    until(lambda: rows(query, "stock") == [[1, "pen", "1.75"], [3, "pad", "3.00"]])
    assert exports.aws.client("glue").get_tables(DatabaseName="totesys_test_exports")["TableList"] == []
    assert {key.partition("/")[0] for key in exports.keys("compared")} <= {"answers"}


def test_the_workgroup_ends_a_query_that_reads_too_much_whoever_asks(deployment):
    found = deployment.aws.client("athena").get_work_group(WorkGroup="totesys-test-exports")["WorkGroup"]

    settings = found["Configuration"]
    assert (settings["EnforceWorkGroupConfiguration"], settings["PublishCloudWatchMetricsEnabled"]) == (True, True)
    assert settings["BytesScannedCutoffPerQuery"] == 107_374_182_400
    where = settings["ResultConfiguration"]
    assert where["OutputLocation"] == f"s3://{deployment.bucket('compared')}/answers/"
    assert where["EncryptionConfiguration"] == {"EncryptionOption": "SSE_S3"}


def test_what_athena_writes_is_removed_after_a_week_and_a_removed_version_after_a_day(deployment):
    s3, name = deployment.aws.client("s3"), deployment.bucket("compared")

    rules = {each["ID"]: each for each in s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]}
    assert rules["expiry-"]["Expiration"]["Days"] == 7
    assert rules["overwritten-versions"]["NoncurrentVersionExpiration"]["NoncurrentDays"] == 1
    assert rules["abandoned-uploads"]["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] == 2
    assert "cheaper-classes" not in rules


def test_the_stream_keeps_changes_for_a_week_and_is_encrypted(deployment):
    kinesis, name = deployment.aws.client("kinesis"), deployment.outputs["exports_stream_name"]

    held = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    assert (held["RetentionPeriodHours"], held["OpenShardCount"], held["EncryptionType"]) == (168, 2, "KMS")


def test_the_registry_forgets_by_its_ttl_and_can_be_restored(deployment):
    dynamodb, name = deployment.aws.client("dynamodb"), deployment.registry.table

    ttl = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    held = dynamodb.describe_table(TableName=name)["Table"]
    assert (ttl["TimeToLiveStatus"], ttl["AttributeName"]) == ("ENABLED", "expires_at")
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    assert (held["BillingModeSummary"]["BillingMode"], held["DeletionProtectionEnabled"]) == ("PAY_PER_REQUEST", True)


def test_every_alarm_tells_the_topic(deployment):
    topic, found = deployment.outputs["alerts_topic_arn"], alarms(deployment)

    assert {name.removeprefix("totesys-test-") for name in found} == {
        *(f"{function}-{what}" for function in FUNCTIONS for what in ("critical", "errors")),
        *(f"exports-{what}" for what in ("failed", "timed-out", "aborted", "dead-letters", "waiting")),
        *(f"changes-{what}" for what in ("waiting", "throttled", "failed-puts", "refused", "lost")),
    }
    assert all(alarm["AlarmActions"] == [topic] for alarm in found.values())


def test_every_alarm_has_a_line_in_the_runbook(deployment):
    assert untold_alarms(deployment) == []


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_call_of_a_function_would_have_been_denied(exports, function):
    exports.hear()
    name = exports.outputs["function_names"][function]
    asked, policy = exports.calls.rights[name], exports.policy(f"{name}-function")

    assert USED[function] <= {right.action for right in asked}
    assert sorted(right for right in asked if not allows(policy, right)) == []


@pytest.mark.parametrize("function", FUNCTIONS)
def test_each_right_that_a_function_did_not_use_has_its_reason_beside_it(exports, function):
    exports.hear()
    name = exports.outputs["function_names"][function]
    comments = "\n".join(re.findall(r"#.*", "".join(path.read_text() for path in CONFIGURATION.rglob("iam.tf"))))

    left = unused(exports.policy(f"{name}-function"), exports.calls.rights[name])
    assert [action for action in left if action.partition(":")[2] not in comments] == []


@pytest.mark.parametrize("role", ["exports-function", "delta-function", "changes-function", "exports-runs"])
def test_no_role_can_do_more_than_the_boundary_lets_a_workflow_give(deployment, role):
    boundary = boundary_of(deployment.aws.client("iam"))

    given = {action for each in deployment.policy(f"totesys-test-{role}")["Statement"] for action in each["Action"]}
    assert sorted(action for action in given if not allows_action(boundary, action)) == []


def test_no_function_can_remove_what_arrived_or_write_what_another_one_owns(exports):
    policies = {name: exports.policy(f"totesys-test-{name}-function") for name in FUNCTIONS}
    buckets = ("exports", "changes", "refused", "compared")
    arrived, computed, refused, compared = (f"arn:aws:s3:::{exports.bucket(which)}/any" for which in buckets)

    removing = {
        where
        for where in (arrived, computed, refused, compared)
        for policy in policies.values()
        if allows(policy, Right("s3:DeleteObject", where))
    }
    assert removing == {compared}
    assert not any(allows(policy, Right("s3:PutObject", arrived)) for policy in policies.values())
    assert [name for name in FUNCTIONS if allows(policies[name], Right("s3:PutObject", refused))] == ["changes"]
    assert [name for name in FUNCTIONS if allows_action(policies[name], "secretsmanager:GetSecretValue")] == ["changes"]


def test_a_second_plan_changes_nothing_but_what_the_emulator_forgets(exports):
    changes = planned_changes(exports.terraform)

    forgotten = {where: what for where, what in changes.items() if "aws_cloudwatch_metric_alarm" not in where}
    assert forgotten == FORGOTTEN


def test_destroying_leaves_nothing_and_no_call_would_have_been_denied_to_the_workflow_that_applies(exports):
    rights = exports.policy("totesys-github-deploy")
    protections = [f"module.{name}.terraform_data.protection[0]" for name in ("permanent", "export_delta[0]")]
    exports.terraform.change("apply -refresh=false", functions_enabled="false")
    exports.terraform.run("state rm", *protections)
    exports.terraform.change("apply -refresh=false", functions_enabled="false", protect_data="false")
    exports.empty()
    exports.terraform.change("destroy -refresh=false", functions_enabled="false", protect_data="false")

    exports.hear()
    assert exports.terraform.run("state list") == ""
    removed = {"kinesis:DeleteStream", "dynamodb:DeleteTable", "states:DeleteStateMachine", "athena:DeleteWorkGroup"}
    assert removed <= exports.calls.actions
    assert sorted(action for action in exports.calls.actions - ONLY_HERE if not allows_action(rights, action)) == []
    assert remaining_buckets(exports) == [exports.bootstrap.outputs()["state_bucket"]]
