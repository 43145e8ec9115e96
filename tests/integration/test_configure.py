"""`make configure`: a person answers at a terminal, and a file of variables is kept."""

import json
import os
import re
import shutil
import subprocess
from dataclasses import replace

import pytest

from local.cloud.answers import Vpc, freshness, read_answers, write_answers
from tests.cloud_harness import FULL_ANSWERS

pytestmark = pytest.mark.timeout(600)
ASKED = (
    "AWS region",
    "E-mail for alerts",
    "When runs start",
    "Load files dropped into a bucket",
    "Apply full exports to a database",
    "Take records by POST",
    "Processor",
    "Attach to a VPC",
)


def test_the_answers_are_written_as_variables_that_terraform_reads(cloud):
    cloud.file.unlink()
    given = ["eu-west-1", "me@example.com", "rate(1 hour)", "yes", "yes", "yes", "arm64", "no"]

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
        "export_delta_enabled": True,
        "delivery_enabled": True,
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
    given = ["eu-west-2", "me@example.com", "", "", "", "", ""]
    asked = [question for question in ASKED if question != "When runs start"]

    code, shown = cloud.converse("configure", *zip(asked, given, strict=True), more=["--project", "projects/telemetry"])

    assert code == 0, shown
    answers = read_answers(cloud.file.with_name("telemetry-dev.tfvars"))
    assert (answers.warehouse_enabled, answers.file_drop_enabled) == (False, True)


def test_a_project_of_full_exports_is_offered_what_applies_them(cloud, tmp_path):
    project = tmp_path / "shop"
    (project / "exports").mkdir(parents=True)
    (project / "pipeline.toml").write_text('name = "shop"\n')
    (project / "exports/orders.toml").write_text('key = ["id"]\n')
    asked = [question for question in ASKED if question != "When runs start"]

    given = ["eu-west-2", "me@example.com", "", "", "", "", ""]
    cloud.converse("configure", *zip(asked, given, strict=True), more=["--project", str(project)])

    answers = read_answers(cloud.file.with_name("shop-dev.tfvars"))
    assert (answers.warehouse_enabled, answers.file_drop_enabled, answers.export_delta_enabled) == (False, False, True)


def test_a_project_of_records_is_offered_delivery_and_no_schedule_of_runs(cloud):
    given = ["eu-west-2", "me@example.com", "", "", "", "", ""]
    asked = [question for question in ASKED if question != "When runs start"]

    code, shown = cloud.converse("configure", *zip(asked, given, strict=True), more=["--project", "projects/sensors"])

    assert code == 0, shown
    answers = read_answers(cloud.file.with_name("sensors-dev.tfvars"))
    assert (answers.warehouse_enabled, answers.file_drop_enabled, answers.delivery_enabled) == (False, False, True)


def test_a_network_is_asked_for_where_there_is_one(cloud):
    network = [
        ("its id", "vpc-0a1b"),
        ("subnets", "subnet-1a, subnet-2b"),
        ("addresses", "10.0.0.0/16"),
        ("route", ""),
    ]

    cloud.converse("configure", *((question, "") for question in ASKED[:-1]), (ASKED[-1], "yes"), *network)

    assert read_answers(cloud.file).vpc == Vpc("vpc-0a1b", ("subnet-1a", "subnet-2b"), ("10.0.0.0/16",))


@pytest.mark.parametrize("address", ["me@example", 'me"@example.com', "me${x}@example.com", "me@example.com,"])
def test_an_address_that_terraform_or_mail_would_trip_over_is_asked_for_again(cloud, address):
    code, shown = cloud.converse(
        "configure",
        (ASKED[0], ""),
        (ASKED[1], address),
        ("no e-mail address", "o'neil+etl@mail.example.co.uk"),
        *((question, "") for question in ASKED[2:]),
    )

    assert code == 0, shown
    assert read_answers(cloud.file).alert_email == "o'neil+etl@mail.example.co.uk"


def test_the_next_step_is_of_the_deployment_that_was_configured(cloud):
    given = ["eu-west-1", "me@example.com", *[""] * (len(ASKED) - 3), "N"]

    _, shown = cloud.converse("configure", *zip(ASKED, given, strict=True), more=["--environment", "prod"])

    assert "Next: make deploy ENV=prod" in shown


def test_a_question_that_nobody_answers_names_no_approval(cloud, capsys):
    assert cloud.make("configure") == 1

    assert "Run this in a terminal." in (shown := capsys.readouterr().out)
    assert "AUTO_APPROVE" not in shown


@pytest.mark.parametrize(
    ("line", "told"),
    [("region = ", "region = "), ('region = "x" # London', "comment"), ("", "lacks region")],
)
def test_a_file_that_was_edited_wrongly_is_refused_by_the_variable(cloud, capsys, line, told):
    text = re.sub(r"region +=.*", line, cloud.file.read_text())
    cloud.file.write_text(text)

    assert cloud.make("configure") == 1
    assert told in capsys.readouterr().out


def test_what_is_written_is_as_terraform_formats_it(cloud):
    vpc = Vpc("vpc-0a1b", ("subnet-1a", "subnet-2b"), ("10.0.0.0/16",))
    added = 'log_retention_days = 30\n# ours\ntags = {\n  team = "etl"\n}\nprotect_data = true\n'

    cloud.file.write_text(f"{cloud.file.read_text()}{added}")
    write_answers(cloud.file, replace(read_answers(cloud.file), vpc=vpc))

    assert formatted(cloud.file) == cloud.file.read_text()
    assert added in cloud.file.read_text()


def formatted(file):
    """Return a file as Terraform itself formats it, which the stand-in at the front of PATH is not."""
    folders = os.environ["PATH"].split(os.pathsep)[1:]
    program = shutil.which("terraform", path=os.pathsep.join(folders))
    if not program:
        pytest.skip("terraform is not installed")
    done = subprocess.run([program, "fmt", "-"], input=file.read_text(), capture_output=True, text=True, check=True)
    return done.stdout


def test_what_a_person_added_to_the_network_stays(cloud):
    cloud.answer(replace(FULL_ANSWERS, vpc=Vpc("vpc-0a1b", ("subnet-1a",), ("10.0.0.0/16",))))
    cloud.file.write_text(cloud.file.read_text().replace('"vpc_id"', '"database_ports": [6432],\n  "vpc_id"'))

    code, _ = cloud.converse(
        "configure", *((question, "") for question in (*ASKED, "its id", "subnets", "addr", "route"))
    )

    assert code == 0
    assert '"database_ports" : [' in cloud.file.read_text()


def test_a_name_that_no_bucket_could_have_is_refused(cloud, capsys):
    assert cloud.make("configure", "--environment", "Production") == 1

    assert "1 to 8 small letters" in capsys.readouterr().out


def variables(file):
    """Return a file's variables as Terraform reads them, which is as JSON where it was written by us."""
    lines = [line.split(" = ") for line in file.read_text().splitlines() if " = " in line]
    return {name.strip(): json.loads(value) for name, value in lines}


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
