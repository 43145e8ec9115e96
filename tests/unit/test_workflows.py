"""The workflows that GitHub runs: what may be said of them without GitHub."""

import re

import pytest
import yaml

from local.packaging.packages import ROOT

FILES = sorted((ROOT / ".github/workflows").glob("*.yml"))
PIN = re.compile(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
TARGETS = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
everywhere = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def read(file):
    # YAML 1.1 takes the key `on` for the truth value.
    return {"on" if key is True else key: value for key, value in yaml.safe_load(file.read_text()).items()}


def jobs(file):
    return read(file)["jobs"].items()


def steps(file):
    return [step for _, job in jobs(file) for step in job["steps"]]


def commands(file):
    return [step["run"] for step in steps(file) if "run" in step]


def job(name, of):
    return read(ROOT / f".github/workflows/{of}.yml")["jobs"][name]


def test_the_three_workflows_are_there():
    assert [file.stem for file in FILES] == ["ci", "deploy", "release"]


@everywhere
def test_every_action_is_pinned_by_its_commit_and_tells_its_version(file):
    uses = [line.strip().removeprefix("- ") for line in file.read_text().splitlines() if "uses:" in line]

    assert uses
    assert [line for line in uses if not PIN.fullmatch(line)] == []


@everywhere
def test_nothing_is_permitted_but_what_a_job_asks_for(file):
    assert read(file)["permissions"] == {}
    for name, each in jobs(file):
        assert set(each["permissions"]) <= {"contents", "id-token", "pull-requests"}, name


def test_only_a_release_may_write_to_the_repository_and_only_deploying_may_ask_for_a_role():
    asked = {(file.stem, name): each["permissions"] for file in FILES for name, each in jobs(file)}

    assert {key for key, each in asked.items() if each["contents"] == "write"} == {("release", "release")}
    assert {key for key, each in asked.items() if "id-token" in each} == {("deploy", "plan"), ("deploy", "apply")}


@everywhere
def test_every_job_ends_in_time_on_a_named_system(file):
    for name, each in jobs(file):
        assert 0 < each["timeout-minutes"] <= 90, name
        assert each["runs-on"] == "ubuntu-24.04", name


@everywhere
def test_two_runs_of_a_job_do_not_get_in_each_others_way(file):
    is_grouped = "concurrency" in read(file)

    assert is_grouped or all("concurrency" in each for _, each in jobs(file))


def test_a_deployment_that_runs_is_never_cancelled():
    assert job("apply", of="deploy")["concurrency"]["cancel-in-progress"] is False


@everywhere
def test_every_make_command_is_a_target(file):
    named = {word for command in commands(file) for word in re.findall(r"\bmake ([a-z-]+)", command)}

    assert named
    assert named <= TARGETS


@everywhere
def test_a_command_that_fails_before_a_pipe_fails_its_step(file):
    assert read(file)["defaults"]["run"]["shell"] == "bash"


@everywhere
def test_what_other_people_wrote_never_becomes_part_of_a_command(file):
    assert [command for command in commands(file) if "${{" in command] == []


@everywhere
def test_no_key_is_stored_and_the_checkout_keeps_no_token(file):
    assert "secrets." not in file.read_text()
    checkouts = [step for step in steps(file) if "actions/checkout" in step.get("uses", "")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_everything_is_checked_on_each_python_with_each_postgresql():
    matrix = job("check", of="ci")["strategy"]["matrix"]

    assert matrix == {"python": ["3.11", "3.12", "3.13"], "postgres": ["16", "18"]}


def test_main_is_applied_behind_an_environment_and_a_pull_request_only_planned():
    plan, apply = job("plan", of="deploy"), job("apply", of="deploy")

    assert apply["environment"] == "prod"
    assert "refs/heads/main" in apply["if"]
    assert "environment" not in plan
    assert not [step for step in plan["steps"] if "make deploy" in step.get("run", "")]


def test_what_is_deployed_comes_from_no_cache():
    cached = [step for step in steps(ROOT / ".github/workflows/deploy.yml") if "cache" in str(step)]

    assert cached == []
