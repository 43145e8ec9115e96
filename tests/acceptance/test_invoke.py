"""One built function after the other on this machine, from sample events, over a small project."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from local.packaging.functions import STAGES
from local.packaging.packages import ROOT
from local.state_machine import DEFINITION
from tests.acceptance.shop import EXPECTED, HELD, make_world

SAMPLES = sorted((ROOT / "events").glob("*.json"))
pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def world(tmp_path, make_database):
    return make_world(tmp_path, make_database(), make_database())


@pytest.fixture
def invoke(world):
    """Return a function that runs one stage on the world's databases and store."""

    def run(stage, event: Path = ROOT / "events/run.json", **changes):
        options = {
            "event": str(event),
            "project": str(world.project.folder),
            "source": f"{world.source}?sslmode=disable",
            "warehouse": f"{world.warehouse}?sslmode=disable",
            "store": str(world.folder),
            **changes,
        }
        given = [part for name, value in options.items() for part in (f"--{name}", value)]
        return CliRunner().invoke(app, ["invoke", stage, *given])

    return run


def test_the_three_functions_one_after_the_other_fill_the_warehouse(invoke, world):
    results = [invoke(stage) for stage in STAGES]

    assert [result.exit_code for result in results] == [0, 0, 0], results[-1].output
    assert json.loads(results[0].stdout)["batch"] == 1
    for table, query in EXPECTED.items():
        assert world.ask_warehouse(HELD[table]) == world.ask_source(query), table


def test_what_a_function_logs_is_shown_beside_its_answer(invoke):
    result = invoke("extraction")

    assert '"message": "batch extracted"' in result.stderr
    assert '"run_id": "sample-run"' in result.stderr
    assert json.loads(result.stdout)["batch"] == 1


def test_a_function_that_fails_says_why_and_exits_with_1(invoke):
    result = invoke("extraction", source="postgresql://nobody@127.0.0.1:1/none?sslmode=disable")

    assert result.exit_code == 1
    assert "SourceUnavailableError: " in result.stderr


def test_a_bucket_is_refused_because_that_is_another_command(invoke):
    result = invoke("load", store="s3://bucket")

    assert result.exit_code == 1
    assert "make invoke" in result.stderr


@pytest.mark.parametrize("text", ["", "[]", '{"run_id": "a"}'])
def test_a_file_that_is_no_event_is_refused_with_what_an_event_holds(invoke, tmp_path, text):
    (tmp_path / "event.json").write_text(text)

    result = invoke("load", tmp_path / "event.json")

    assert result.exit_code == 1
    assert "events/" in result.stderr


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_holds_what_the_state_machine_hands_to_every_function(sample):
    states = json.loads(DEFINITION.read_text())["States"].values()
    payloads = [state["Parameters"]["Payload"] for state in states if "Payload" in state.get("Parameters", {})]

    assert len(payloads) == len(STAGES)
    for payload in payloads:
        assert {name.removesuffix(".$") for name in payload} == set(json.loads(sample.read_text()))
