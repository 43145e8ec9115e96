"""What the command reads from the environment instead of its arguments."""

import pytest
from typer.testing import CliRunner

from cli.main import app
from tests.acceptance.command import refused
from tests.acceptance.small_shop import make_small_shop

VERBS = ("run", "verify", "status", "check", "clean", "schema history", "quarantine list")


@pytest.fixture
def shop(tmp_path, make_database):
    return make_small_shop(tmp_path, make_database)


def starlift(shop, *arguments):
    named = {"project": shop.project, "source": shop.source, "warehouse": shop.warehouse, "store": shop.store}
    environment = {f"STARLIFT_{name.upper()}": str(value) for name, value in named.items()}
    return CliRunner(env=environment).invoke(app, [*arguments])


def test_every_verb_takes_project_databases_and_store_from_the_environment(shop):
    done = {verb: starlift(shop, *verb.split()) for verb in VERBS}

    assert {verb: ended.exit_code for verb, ended in done.items()} == dict.fromkeys(VERBS, 0)


def test_an_argument_wins_over_the_environment(shop, tmp_path):
    done = starlift(shop, "status", "--store", str(tmp_path / "elsewhere"))

    assert "No batch yet" in done.stdout


def test_check_compares_with_the_source_that_the_environment_names(shop):
    shop.ask("ALTER TABLE item DROP COLUMN units")

    refused(starlift(shop, "check"), "fact_item needs item.units")


def test_check_needs_no_source(shop):
    done = CliRunner().invoke(app, ["check", "--project", str(shop.project)])

    assert done.exit_code == 0, done.output
    assert "Give --source" in done.stdout
