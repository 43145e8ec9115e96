import json
import os
import subprocess
import sys

import pytest

from tests.factories import Stage, source, sql_model, write_project
from transformation.star_schema.wiring import Config
from utils.errors import ConfigurationError

PROGRAM = """
import json, os, sys
from transformation.star_schema.handler import lambda_handler
class Context:
    def get_remaining_time_in_millis(self): return 100_000
answer = lambda_handler({"run_id": "run-7"}, Context())
print(json.dumps([answer, [name for name in ("duckdb", "pandas", "awswrangler") if name in sys.modules]]))
"""


def run_handler(stage):
    settings = {
        "PROJECT": str(stage.project.folder),
        "LANDING": stage.landing.url,
        "PROCESSED": stage.processed.url,
    }
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=os.environ | settings, capture_output=True, text=True, check=True
    )
    return json.loads(found.stdout.splitlines()[-1])


@pytest.fixture
def stage(tmp_path):
    return Stage(write_project(tmp_path / "project", {"dim_item.sql": sql_model("SELECT item.id")}), tmp_path)


def test_with_nothing_waiting_the_handler_answers_before_it_imports_its_heavy_parts(stage):
    answer, imported = run_handler(stage)

    assert answer == {"run_id": "run-7", "batches": [], "tables": {}, "more": False}
    assert imported == []


def test_the_handler_transforms_what_waits(stage):
    stage.land(source("item", {"id": "integer"}).holding((1,)))

    answer, imported = run_handler(stage)

    assert answer["batches"] == [1]
    assert answer["tables"] == {"dim_item": {"transformed": 1, "quarantined": 0, "gone": 0}}
    assert "awswrangler" not in imported  # no GLUE_DATABASE


def test_every_missing_setting_is_named_at_once():
    with pytest.raises(ConfigurationError, match="PROJECT, PROCESSED"):
        Config.from_env({"LANDING": "x"})


def test_duckdb_gets_the_functions_memory_but_for_what_python_needs():
    settings = {"PROJECT": "p", "LANDING": "l", "PROCESSED": "q", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769"}

    config = Config.from_env(settings | {"GLUE_DATABASE": ""})

    assert config.memory_mb == 1169
    assert config.glue_database is None
