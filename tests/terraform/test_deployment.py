"""The configuration applied to the emulated AWS, and the deployed pipeline run, failed, watched and destroyed."""

import re

import pytest

from extraction.database.wiring import open_source
from local.packaging.functions import STAGES
from local.packaging.packages import ROOT
from local.totesys import generator
from local.warehouse.run import report
from local.warehouse.verification import verify
from tests.conftest import run_on_server
from tests.terraform.calls import Right
from tests.terraform.deployment import deployed, login, planned_changes
from tests.terraform.filter_pattern import matches
from tests.terraform.inspection import (
    alarms,
    boundary_of,
    filter_of,
    landing,
    metric_filters,
    remaining_buckets,
    role_of,
    untold_alarms,
)
from tests.terraform.policies import allows, allows_action, unused
from tests.terraform.program import CONFIGURATION, TerraformError
from utils.postgres.url import parse_url
from utils.project import read_project

pytestmark = pytest.mark.timeout(600)
RETRIES = 6  # of the state machine, after the first attempt
ONLY_HERE = {"iam:GetUser"}  # how the provider learns the account's number where it may not check its credentials


@pytest.fixture(scope="module")
def databases(postgres_server):
    names = ["terraform_source", "terraform_warehouse"]
    for name in names:
        run_on_server(postgres_server, f"CREATE DATABASE {name}")
    source, warehouse = (postgres_server.url(name) for name in names)
    with open_source(parse_url(source)) as session:
        generator.create_schema(session)
        generator.seed(session, orders=100)
    yield source, warehouse
    for name in names:
        run_on_server(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def deployment(tmp_path_factory, databases):
    with deployed(tmp_path_factory.mktemp("deployment")) as found:
        found.put_secret("source", login(databases[0]))
        found.put_secret("warehouse", login(databases[1]))
        yield found


@pytest.fixture(scope="module")
def lifted(deployment, databases):
    """Return a first run, the edits after it, and the run that lifted them."""
    first = deployment.execute("first")
    with open_source(parse_url(databases[0])) as session:
        done = generator.edit(session, seed=1)
    return first, done, deployment.execute("second")


@pytest.fixture(scope="module")
def unreachable(deployment, databases, lifted):
    """Return how a run ended whose source was away, with the attempts it made and the alerts it sent."""
    deployment.put_secret("source", login(databases[0], port=1))
    before = len(deployment.lines_of("extraction"))
    ended = deployment.execute("away")
    deployment.put_secret("source", login(databases[0]))
    attempts = [line for line in deployment.lines_of("extraction")[before:] if "stage failed" in line]
    return ended, attempts, deployment.alerts()


def test_the_state_is_kept_in_the_bootstrapped_bucket(deployment):
    bucket = deployment.bootstrap.outputs()["state_bucket"]
    s3 = deployment.aws.client("s3")

    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["test/terraform.tfstate"]


def test_the_deployed_state_machine_lifts_totesys_and_then_its_edits(lifted, databases):
    first, done, second = lifted

    project = read_project(ROOT / "projects/totesys")
    counts = report("second", project, [second.output[stage] for stage in STAGES]).tables
    assert [first.status, second.status] == ["SUCCEEDED", "SUCCEEDED"]
    assert counts["sales_order"]["late"] == done.sales_orders_edited
    assert all(table.is_equal for table in verify(project, *map(parse_url, databases)))


def test_every_table_is_in_the_catalogue(deployment, lifted):
    tables = deployment.aws.client("glue").get_tables(DatabaseName=deployment.outputs["glue_database"])["TableList"]

    assert {"dim_staff", "fact_sales_order"} <= {table["Name"] for table in tables}


def test_an_unreachable_source_is_retried_then_failed_then_told_with_its_cause(unreachable):
    ended, attempts, (alert,) = unreachable

    assert (ended.status, ended.error) == ("FAILED", "SourceUnavailableError")
    assert len(attempts) == 1 + RETRIES
    assert "127.0.0.1:1" in alert["Message"]
    assert "SourceUnavailableError" in alert["Message"]


def test_a_critical_line_of_a_real_handler_is_counted_and_alarmed(deployment, databases, unreachable):
    with open_source(parse_url(databases[0])) as session:
        session.run("ALTER TABLE staff RENAME COLUMN email_address TO mail")
        ended = deployment.execute("drift")
        session.run("ALTER TABLE staff RENAME COLUMN mail TO email_address")
    pattern, metric = filter_of(deployment, "transformation")

    counted = [line for line in deployment.lines_of("transformation") if matches(pattern, line)]
    assert ended.error == "SchemaDriftError"
    assert len(counted) == 1
    assert "staff.email_address" in counted[0]
    assert alarms(deployment)[metric.removesuffix("-lines")]["MetricName"] == metric


def test_every_outcome_of_extraction_feeds_the_horizons_metric(deployment, lifted):
    filters = metric_filters(deployment, "extraction")
    pattern = filters["totesys-test-horizon-age-seconds"]["filterPattern"]
    held_back = filters["totesys-test-horizon-held-back"]["filterPattern"]

    lines = deployment.lines_of("extraction")
    outcomes = [line for line in lines if "batch extracted" in line or "nothing changed" in line]
    assert [line for line in lines if matches(pattern, line)] == outcomes != []
    assert matches(held_back, '{"message": "horizon held back", "level": "CRITICAL"}')
    assert not any(matches(held_back, line) for line in lines)


def test_a_run_that_never_comes_raises_the_freshness_alarm(deployment):
    alarm = alarms(deployment)["totesys-test-warehouse-not-fresh"]

    assert (alarm["MetricName"], alarm["TreatMissingData"]) == ("ExecutionsSucceeded", "breaching")
    assert (alarm["Period"], alarm["EvaluationPeriods"], alarm["Threshold"]) == (900, 2, 1)
    assert alarm["AlarmActions"] == [deployment.outputs["alerts_topic_arn"]]


def test_every_alarm_tells_the_topic_and_a_person_is_subscribed_to_it(deployment):
    topic = deployment.outputs["alerts_topic_arn"]
    subscribed = deployment.aws.client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]

    assert all(alarm["AlarmActions"] == [topic] for alarm in alarms(deployment).values())
    assert len(alarms(deployment)) == 10
    assert ("email", "data@example.com") in [(each["Protocol"], each["Endpoint"]) for each in subscribed]


def test_every_alarm_has_a_line_in_the_runbook(deployment):
    assert untold_alarms(deployment) == []


def test_the_schedule_starts_the_state_machine_every_quarter_of_an_hour(deployment):
    group, name = deployment.outputs["schedule_name"].split("/")
    schedule = deployment.aws.client("scheduler").get_schedule(GroupName=group, Name=name)

    assert (schedule["ScheduleExpression"], schedule["State"]) == ("rate(15 minutes)", "ENABLED")
    assert schedule["Target"]["Arn"] == deployment.outputs["state_machine_arn"]


def test_no_call_of_the_deployment_would_have_been_denied_to_the_workflow_that_applies(deployment):
    rights = deployment.policy("totesys-github-deploy")

    assert {"lambda:CreateFunction", "iam:PutRolePolicy", "s3:PutObject"} <= deployment.calls.actions
    assert sorted(action for action in deployment.calls.actions - ONLY_HERE if not allows_action(rights, action)) == []


@pytest.mark.parametrize("caller", [*STAGES, "state_machine"])
def test_no_call_of_the_runs_would_have_been_denied(deployment, unreachable, caller):
    name, role = role_of(deployment, caller)
    policy = deployment.policy(role)

    asked = deployment.calls.rights[name]
    assert asked
    assert sorted(right for right in asked if not allows(policy, right)) == []


@pytest.mark.parametrize("caller", [*STAGES, "state_machine", "schedule"])
def test_each_right_that_the_runs_did_not_use_has_its_reason_beside_it(deployment, unreachable, caller):
    name, role = role_of(deployment, caller)
    comments = "\n".join(re.findall(r"#.*", "".join(path.read_text() for path in CONFIGURATION.rglob("iam.tf"))))

    left = unused(deployment.policy(role), deployment.calls.rights.get(name, set()))
    assert [action for action in left if action.partition(":")[2] not in comments] == []


def test_no_caller_but_the_roles_of_this_deployment_was_seen(deployment, unreachable):
    assert set(deployment.calls.rights) == {*deployment.outputs["function_names"].values(), "state_machine"}


def test_a_second_plan_changes_nothing_but_what_the_emulator_forgets_and_asks_for_reading_rights_only(deployment):
    forgotten = {
        f'module.warehouse[0].module.function["{stage}"].aws_lambda_function.this': {"logging_config"}
        for stage in STAGES
    }
    deployment.calls.actions.clear()
    changes = planned_changes(deployment.terraform)

    rights = deployment.policy("totesys-github-plan")
    assert changes == forgotten
    assert deployment.calls.actions
    assert sorted(action for action in deployment.calls.actions - ONLY_HERE if not allows_action(rights, action)) == []


def test_no_role_of_a_function_can_do_more_than_the_boundary_lets_a_workflow_give(deployment):
    iam = deployment.aws.client("iam")
    roles = [role_of(deployment, caller)[1] for caller in (*STAGES, "state_machine", "schedule")]
    boundary = boundary_of(iam)

    given = {action for role in roles for each in deployment.policy(role)["Statement"] for action in each["Action"]}
    assert sorted(action for action in given if not allows_action(boundary, action)) == []
    bounds = {iam.get_role(RoleName=role)["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"] for role in roles}
    assert bounds == {"arn:aws:iam::123456789012:policy/totesys-boundary"}


def test_a_workflows_role_is_for_one_repository_and_can_neither_read_data_nor_change_itself(deployment):
    subjects = {}
    for role in ("plan", "deploy"):
        held = deployment.aws.client("iam").get_role(RoleName=f"totesys-github-{role}")["Role"]
        (trust,) = held["AssumeRolePolicyDocument"]["Statement"]
        subjects[role] = trust["Condition"]["StringEquals"]["token.actions.githubusercontent.com:sub"]
        rights = deployment.policy(held["RoleName"])
        assert not allows_action(rights, "secretsmanager:GetSecretValue")
        assert not allows(rights, Right("s3:GetObject", f"arn:aws:s3:::{landing(deployment)}/staff/any.csv"))
        assert not allows(rights, Right("s3:DeleteObject", f"arn:aws:s3:::{landing(deployment)}/staff/any.csv"))
        assert not allows(rights, Right("iam:PutRolePolicy", held["Arn"]))

    assert not allows_action(deployment.policy("totesys-github-plan"), "s3:PutObject")
    assert subjects == {
        "plan": "repo:example/warehouse:pull_request",
        "deploy": "repo:example/warehouse:environment:prod",
    }


def test_destroying_is_refused_while_data_is_protected_and_leaves_nothing_once_it_is_not(deployment):
    with pytest.raises(TerraformError, match=r"(?s)prevent_destroy"):
        deployment.terraform.change("plan -destroy -refresh=false")

    deployment.terraform.run("state rm", "module.permanent.terraform_data.protection[0]")
    deployment.terraform.change("apply -refresh=false", protect_data="false")
    deployment.terraform.change("destroy -refresh=false", protect_data="false")

    rights = deployment.policy("totesys-github-deploy")
    assert deployment.terraform.run("state list") == ""
    assert sorted(action for action in deployment.calls.actions - ONLY_HERE if not allows_action(rights, action)) == []
    assert remaining_buckets(deployment) == [deployment.bootstrap.outputs()["state_bucket"]]
    deployment.bootstrap.change("destroy -refresh=false", force_destroy="true")
    assert remaining_buckets(deployment) == []
