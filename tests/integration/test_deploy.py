"""`make deploy` and `make plan`: what is done in which order, and what stops it."""

import json
from dataclasses import replace
from pathlib import Path

import boto3
import pytest

from local.cloud.answers import write_answers
from local.cloud.deployment import Deployment
from local.cloud.terraform import Terraform
from tests.cloud_harness import FULL_ANSWERS, STATE_BUCKET

pytestmark = pytest.mark.timeout(600)
built = pytest.mark.usefixtures("built")
BOOTSTRAP = ["bootstrap init", "bootstrap apply"]


@built
def test_the_first_time_the_bucket_of_states_is_made_before_anything_is_planned(cloud):
    assert cloud.make("deploy", "--yes") == 0

    assert cloud.calls() == [*BOOTSTRAP, "init", "plan", "apply", "output"]


@built
def test_the_next_time_it_is_there(cloud):
    cloud.create_state_bucket()

    assert cloud.make("deploy", "--yes") == 0

    assert cloud.calls() == ["init", "plan", "apply", "output"]


@built
def test_nothing_is_applied_when_nothing_changes(cloud, capsys):
    cloud.create_state_bucket()
    cloud.says["exits"] = {"plan": 0}

    assert cloud.make("deploy") == 0

    assert cloud.calls() == ["init", "plan", "output"]
    assert "Nothing to change" in capsys.readouterr().out


@built
def test_nothing_is_applied_where_nobody_can_agree(cloud, capsys):
    cloud.create_state_bucket()

    assert cloud.make("deploy") == 1

    assert cloud.calls() == ["init", "plan"]
    assert "AUTO_APPROVE=1" in capsys.readouterr().out


@built
@pytest.mark.parametrize(("answer", "code", "last"), [("y", 0, "output"), ("n", 1, "plan"), ("", 1, "plan")])
def test_a_person_is_asked_once_the_plan_is_shown(cloud, answer, code, last):
    cloud.create_state_bucket()

    assert cloud.converse("deploy", ("Apply this to totesys-dev in account 123456789012?", answer))[0] == code

    assert cloud.calls()[-1] == last


@built
def test_outputs_and_the_next_step_are_shown(cloud, capsys):
    cloud.says["outputs"] = {"landing": "s3://landing", "next_steps": "Confirm the mail."}

    cloud.make("deploy", "--yes")

    shown = capsys.readouterr().out
    assert "s3://landing" in shown
    assert shown.rstrip().endswith("Confirm the mail.")


@built
def test_a_plan_that_fails_applies_nothing(cloud):
    cloud.says["exits"] = {"plan": 1}

    assert cloud.make("deploy", "--yes") == 1

    assert cloud.calls()[-1] == "plan"


@built
def test_variables_of_the_environment_come_before_the_answers_which_win(cloud):
    cloud.make("deploy", "--yes")

    files = [word for word in cloud.arguments("plan") if word.startswith("-var-file=")]
    assert [file.rpartition("/")[2] for file in files] == ["dev.tfvars", "totesys-dev.tfvars"]


@built
def test_each_environment_has_a_state_of_its_own(cloud):
    cloud.make("deploy", "--yes")

    assert "-backend-config=key=dev/terraform.tfstate" in cloud.arguments("init")
    assert f"-backend-config=bucket={STATE_BUCKET}" in cloud.arguments("init")


def test_a_missing_terraform_is_named_with_how_to_get_it(cloud, monkeypatch, capsys):
    monkeypatch.setenv("PATH", "/nowhere")

    assert cloud.make("deploy") == 1
    assert "terraform is missing" in capsys.readouterr().out


def test_a_terraform_that_is_too_old_is_named(cloud, capsys):
    cloud.says["version"] = "1.9.8"

    assert cloud.make("deploy") == 1
    assert "terraform 1.9.8 is too old: 1.11" in capsys.readouterr().out


def test_a_deployment_nobody_configured_is_refused(cloud, capsys):
    cloud.file.unlink()

    assert cloud.make("deploy") == 1
    assert "make configure" in capsys.readouterr().out


def test_missing_credentials_are_named(cloud, monkeypatch, capsys):
    boto3.setup_default_session()  # which would otherwise keep those of an earlier test
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)

    assert cloud.make("deploy") == 1
    assert "AWS_PROFILE" in capsys.readouterr().out


@pytest.mark.parametrize("verb", ["invoke", "logs", "secrets", "destroy"])
def test_what_needs_a_deployment_names_the_way_to_one_without_touching_terraform(cloud, capsys, verb):
    cloud.answer(replace(FULL_ANSWERS, environment="prod"), cloud.file.with_name("totesys-prod.tfvars"))

    assert cloud.make(verb, "--environment", "prod") == 1

    assert "totesys-prod is not deployed. `make deploy ENV=prod` does." in capsys.readouterr().out
    assert cloud.calls() == []


def test_a_state_without_outputs_is_no_deployment(cloud, capsys):
    cloud.create_bucket(STATE_BUCKET)

    assert cloud.make("invoke") == 1
    assert "is not deployed" in capsys.readouterr().out


def test_a_region_that_cannot_be_reached_is_not_taken_for_missing_credentials(cloud, monkeypatch, capsys):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # where nothing listens

    assert cloud.make("deploy") == 1
    assert "Is the region eu-west-2 right" in (shown := capsys.readouterr().out)
    assert "Sign in" not in shown


def test_another_projects_command_names_that_project(cloud):
    (cloud.root / "shop").mkdir()

    assert Deployment(Path("shop"), "dev", cloud.root).command("deploy") == "make deploy ENV=dev PROJECT=shop"


@built
def test_a_plan_is_written_down_and_nothing_is_applied(cloud):
    cloud.create_state_bucket()

    assert cloud.make("plan", "--text", str(cloud.root / "plan.txt")) == 0

    assert cloud.calls() == ["init", "plan", "show"]
    assert "-lock=false" in cloud.arguments("plan")
    assert (cloud.root / "plan.txt").read_text().strip() == "the plan as text"


@built
def test_a_plan_before_the_first_deployment_says_what_is_missing(cloud, capsys):
    assert cloud.make("plan") == 1

    assert "run `make deploy ENV=dev` once" in capsys.readouterr().out


@built
def test_ctrl_c_lets_terraform_save_its_state_and_goes_no_further(cloud):
    cloud.create_state_bucket()
    cloud.says["lingers"] = "apply"

    code, _ = cloud.converse("deploy", ("Apply this", "y"), ("apply lingers", "\x03"))

    assert (cloud.root / "saved").exists()
    assert (code, cloud.calls()[-1]) == (130, "apply")


@built
def test_deployments_that_are_worked_on_at_once_never_turn_each_other_to_another_state(cloud):
    cloud.create_state_bucket()
    prod = replace(FULL_ANSWERS, environment="prod")
    write_answers(cloud.file.with_name("totesys-prod.tfvars"), prod)

    cloud.make("deploy", "--yes")
    cloud.make("deploy", "--yes", "--environment", "prod")

    folders = [line for line in (cloud.root / "data_folders").read_text().splitlines() if line]
    assert len(folders) == 8
    assert len(set(folders)) == 2


@built
def test_a_bucket_of_states_that_was_left_half_made_is_made_to_its_end(cloud):
    cloud.create_bucket(STATE_BUCKET)

    assert cloud.make("deploy", "--yes") == 0

    assert cloud.calls()[:2] == BOOTSTRAP


def test_the_answers_of_another_deployment_are_refused(cloud, capsys):
    cloud.file.rename(cloud.file.with_name("totesys-prod.tfvars"))

    assert cloud.make("deploy", "--yes", "--environment", "prod") == 1

    assert cloud.calls() == []
    assert "is of totesys-dev, not of totesys-prod" in capsys.readouterr().out


def test_what_aws_refuses_is_told_without_a_stack_trace(cloud, capsys):
    cloud.create_state_bucket()
    cloud.says["outputs"] = {"state_machine_arn": "arn:aws:states:eu-west-2:123456789012:stateMachine:gone"}

    assert cloud.make("invoke") == 1

    assert "AWS refused" in capsys.readouterr().out


def test_an_api_that_is_not_what_the_project_declares_is_not_deployed(cloud, capsys):
    cloud.answer(replace(FULL_ANSWERS, delivery_enabled=True))

    assert cloud.make("deploy", "--yes") == 1
    assert "is not what delivery.toml declares" in capsys.readouterr().out


def test_the_document_of_a_project_outside_of_the_copy_is_named_to_terraform(cloud, tmp_path):
    folder = tmp_path / "meters"
    folder.mkdir()
    (folder / "openapi.json").write_text("{}")

    deployment = Deployment(folder, "dev", cloud.root)
    write_answers(deployment.answers_file, replace(FULL_ANSWERS, project="meters"))
    (cloud.root / "says.json").write_text(json.dumps(cloud.says | {"exits": {"plan": 0}}))

    Terraform(deployment, "123456789012").plan()

    assert f"-var=api_document={folder}/openapi.json" in cloud.arguments("plan")


def test_the_document_of_a_project_of_the_copy_is_found_by_terraform(cloud):
    assert Deployment(Path("projects/sensors"), "dev", cloud.root).variables == {}
