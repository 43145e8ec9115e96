"""`make configure`: a person answers at a terminal, and a file of variables is kept."""

import json

import pytest

from local.cloud.answers import Vpc, freshness, read_answers

pytestmark = pytest.mark.timeout(600)
ASKED = (
    "AWS region",
    "E-mail for alerts",
    "When runs start",
    "Load files dropped into a bucket",
    "Processor",
    "Attach to a VPC",
)


def test_the_answers_are_written_as_variables_that_terraform_reads(cloud):
    cloud.file.unlink()
    given = ["eu-west-1", "me@example.com", "rate(1 hour)", "yes", "arm64", "no"]

    code, shown = cloud.converse("configure", *zip(ASKED, given, strict=True))

    assert code == 0, shown
    assert variables(cloud.file) == {
        "project": "totesys",
        "environment": "dev",
        "region": "eu-west-1",
        "alert_email": "me@example.com",
        "warehouse_enabled": True,
        "schedule": "rate(1 hour)",
        "freshness_period_seconds": 3600,
        "freshness_periods": 2,
        "file_drop_enabled": True,
        "architecture": "arm64",
        "vpc": None,
    }


def test_the_last_answers_are_the_defaults_and_added_variables_stay(cloud):
    before = read_answers(cloud.file)
    cloud.file.write_text(f"{cloud.file.read_text()}# ours\nlog_retention_days = 30\n")

    code, _ = cloud.converse("configure", *((question, "") for question in ASKED))

    assert code == 0
    assert read_answers(cloud.file) == before
    assert "log_retention_days = 30" in cloud.file.read_text()


def test_an_answer_that_will_not_do_is_asked_for_again_with_an_example(cloud):
    code, _ = cloud.converse(
        "configure",
        ("AWS region", "London"),
        ("such as eu-west-2", "eu-west-2"),
        *((question, "") for question in ASKED[1:]),
    )

    assert code == 0
    assert read_answers(cloud.file).region == "eu-west-2"


def test_a_project_of_dropped_files_alone_is_asked_for_no_schedule(cloud):
    given = ["eu-west-2", "me@example.com", "", "", ""]
    asked = [question for question in ASKED if question != "When runs start"]

    code, shown = cloud.converse("configure", *zip(asked, given, strict=True), project="projects/telemetry")

    assert code == 0, shown
    answers = read_answers(cloud.file.with_name("telemetry-dev.tfvars"))
    assert (answers.warehouse_enabled, answers.file_drop_enabled) == (False, True)


def test_a_network_is_asked_for_where_there_is_one(cloud):
    network = [
        ("its id", "vpc-0a1b"),
        ("subnets", "subnet-1a, subnet-2b"),
        ("addresses", "10.0.0.0/16"),
        ("route", ""),
    ]

    cloud.converse("configure", *((question, "") for question in ASKED[:-1]), (ASKED[-1], "yes"), *network)

    assert read_answers(cloud.file).vpc == Vpc("vpc-0a1b", ("subnet-1a", "subnet-2b"), ("10.0.0.0/16",))


def test_a_name_that_no_bucket_could_have_is_refused(cloud, capsys):
    assert cloud.make("configure", "--environment", "Production") == 1

    assert "1 to 8 small letters" in capsys.readouterr().out


def variables(file):
    """Return a file's variables as Terraform reads them, which is as JSON where it was written by us."""
    lines = [line.split(" = ") for line in file.read_text().splitlines() if " = " in line]
    return {name: json.loads(value) for name, value in lines}


@pytest.mark.parametrize(
    ("schedule", "period", "periods"),
    [
        ("rate(15 minutes)", 900, 2),
        ("rate(1 day)", 86_400, 2),
        ("rate(5 days)", 432_000, 1),
        ("cron(0 6 * * ? *)", 86_400, 2),
    ],
)
def test_the_freshness_alarm_waits_for_two_missed_runs_as_far_as_cloudwatch_looks_back(schedule, period, periods):
    assert freshness(schedule) == {"freshness_period_seconds": period, "freshness_periods": periods}
