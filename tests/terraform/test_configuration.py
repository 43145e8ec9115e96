"""The configuration by itself: formatted, valid, and holding what its own tests say."""

import re

import pytest

from tests.terraform.program import CONFIGURATION, make_terraform

pytestmark = pytest.mark.timeout(600)
EVERYTHING = re.compile(r'(\[|= )"\*"')


def files(pattern):
    return [path for path in CONFIGURATION.rglob(pattern) if ".terraform" not in path.parts]


@pytest.fixture(scope="module")
def terraform(tmp_path_factory):
    found = make_terraform(tmp_path_factory.mktemp("configuration"))
    found.run("init -backend=false -input=false -no-color")
    return found


def test_every_file_is_formatted(terraform):
    assert terraform.run("fmt -check -recursive -diff") == ""


def test_the_deployment_is_valid(terraform):
    assert "is valid" in terraform.run("validate -no-color")


def test_the_bootstrap_is_valid(tmp_path):
    bootstrap = make_terraform(tmp_path, "bootstrap")
    bootstrap.run("init -input=false -no-color")

    assert "is valid" in bootstrap.run("validate -no-color")


def test_the_configurations_own_tests_pass_against_a_mocked_provider(terraform):
    said = terraform.run("test -no-color")

    assert re.search(r"Success! (\d+) passed, 0 failed", said)


def test_every_right_to_everything_says_why():
    lines = [line for path in files("*.tf") for line in path.read_text().splitlines() if EVERYTHING.search(line)]

    assert len(lines) > 5
    assert [line for line in lines if "#" not in line] == []


@pytest.mark.parametrize("kind", ["variable", "output"])
def test_every_variable_and_output_is_described(kind):
    for path in files("*.tf"):
        for block in re.findall(rf'^{kind} "\w+" {{\n(.*?)^}}', path.read_text(), re.MULTILINE | re.DOTALL):
            assert block.lstrip().startswith("description ="), f"{path}: {block}"


def test_every_variable_has_a_type():
    blocks = [
        block
        for path in files("variables.tf")
        for block in re.findall(r'^variable "\w+" {\n(.*?)^}', path.read_text(), re.MULTILINE | re.DOTALL)
    ]

    assert len(blocks) > 50
    assert all(re.search(r"^  type +=", block, re.MULTILINE) for block in blocks)


def test_no_stage_of_the_state_machine_goes_unnamed_in_the_warehouse_module():
    said = (CONFIGURATION / "modules/warehouse/state_machine.tf").read_text()
    wanted = set(re.findall(r"\$\{(\w+)\}", (CONFIGURATION / "modules/warehouse/state_machine.asl.json").read_text()))

    assert wanted == set(re.findall(r"^    (\w+_arn) +=", said, re.MULTILINE)) - {"role_arn"}
