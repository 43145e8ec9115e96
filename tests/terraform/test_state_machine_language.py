"""The state machine against the Amazon States Language's own rules, by a validator that needs Node."""

import shutil
import subprocess

import pytest

from local.state_machine import DEFINITION, EXPORTS_DEFINITION, render_definition

VALIDATOR = "asl-validator@4.0.0"
REGION = "eu-west-2:123456789012"
STAGES = ("extraction", "transformation", "load", "exports", "delta")
ARNS = {f"{stage}_function_arn": f"arn:aws:lambda:{REGION}:function:{stage}" for stage in STAGES} | {
    "alerts_topic_arn": f"arn:aws:sns:{REGION}:alerts",
}
pytestmark = pytest.mark.timeout(120)


def run_validator(*options, cwd=None):
    command = ["npx", "--yes", VALIDATOR, *options]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def validate(tmp_path_factory):
    if shutil.which("npx") is None:
        pytest.skip("The language is not checked: there is no Node with npx on PATH.")
    if run_validator("--version").returncode:
        pytest.skip(f"The language is not checked: npx cannot get {VALIDATOR}.")

    def check(definition):
        folder = tmp_path_factory.mktemp("definition")
        (folder / "machine.json").write_text(definition)
        return run_validator("--json-path", "machine.json", cwd=folder)

    return check


@pytest.mark.parametrize("definition", [DEFINITION, EXPORTS_DEFINITION], ids=["warehouse", "export_delta"])
def test_the_state_machine_is_what_step_functions_would_take(validate, definition):
    checked = validate(render_definition(ARNS, definition))

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_state_that_leads_nowhere_would_be_found(validate):
    checked = validate(render_definition(ARNS).replace('"Next": "Transform"', '"Next": "Nowhere"'))

    assert checked.returncode == 1
    assert "Nowhere" in checked.stdout + checked.stderr
