"""`starlift exports status`, and `starlift check` of tables that arrive as exports."""

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from cli.main import app
from extraction.exports.pipeline import fail_version, finish_version
from local.exports.standing import read_export_standing
from tests.export_factories import NOON, World
from tests.export_steps import claim
from utils.registry.claim import LEASE_SECONDS, SKEW_SECONDS, Lease


@pytest.fixture
def world(tmp_path):
    return World(tmp_path / "exports", str(tmp_path / "registry.sqlite"))


def starlift(*arguments):
    return CliRunner().invoke(app, list(arguments))


def succeed(world, version, **counts):
    finish_version(world.request(version), claim(world, version), counts, world.ports)


def remarks(world, now=NOON):
    (standing,) = read_export_standing(world.registry, None, 10, now)
    return " ".join(standing.remarks)


def test_status_shows_each_tables_versions_newest_first(world):
    succeed(world, "v1", before=0, after=3, inserted=3, unchanged=0, published=3)
    world.clock.now += 60
    succeed(world, "v2", updated=1, deleted=1)

    shown = starlift("exports", "status", "--registry", world.registry).stdout

    assert "acme/staff" in shown
    assert shown.index("v2") < shown.index("v1")
    assert "1 updated, 1 deleted" in shown
    assert "3 inserted" in shown
    assert "published" not in shown


def test_status_answers_programs_with_one_object(world):
    succeed(world, "v1", INSERT=3)
    claim(world, "v2")

    (table,) = json.loads(starlift("exports", "status", "--registry", world.registry, "--json").stdout)["tables"]

    assert (table["series"], table["succeeded"], table["lock"]["owner"]) == ("acme/staff", "v1", "run-v2")
    assert {version["version"]: version["status"] for version in table["versions"]} == {
        "v1": "succeeded",
        "v2": "processing",
    }


def test_status_shows_one_table_when_asked_and_refuses_one_that_is_not_there(world):
    succeed(world, "v1")
    succeed(replace(world.having(name="offices")), "v1")

    assert "acme/offices" not in starlift("exports", "status", "acme/staff", "--registry", world.registry).stdout
    refused = starlift("exports", "status", "acme/cars", "--registry", world.registry)
    assert refused.exit_code == 1
    assert "knows no acme/cars" in refused.stderr


def test_status_says_so_where_nothing_arrived(world):
    assert list(world.ports.registry.heads()) == []
    assert starlift("exports", "status", "--registry", world.registry).stdout == "No export yet.\n"


def test_status_of_a_mistyped_registry_says_so_and_makes_none(tmp_path):
    refused = starlift("exports", "status", "--registry", str(tmp_path / "typo"))

    assert refused.exit_code == 1
    assert "There is no registry" in refused.stderr
    assert not (tmp_path / "typo").exists()


def test_status_tells_causes_halves_and_locks_with_what_to_do(world):
    held = claim(world, "v1")
    assert "run-v1 works on v1 (fence 1)" in remarks(world)
    assert "the next execution takes it over" in remarks(world, NOON + LEASE_SECONDS + SKEW_SECONDS)

    Lease(world.ports.registry, held, world.clock).begin()
    fail_version(world.request("v1"), "StreamError: full.", world.ports)

    assert "v1 failed: StreamError: full. Starting it again resumes it." in remarks(world)
    assert "v1 is in the stream in part" in remarks(world)
    assert "starlift exports give-up acme/staff v1" in remarks(world)


@pytest.fixture
def project(tmp_path):
    (tmp_path / "exports").mkdir()
    (tmp_path / "pipeline.toml").write_text('name = "shop"\n')
    (tmp_path / "exports" / "staff.toml").write_text('key = ["id"]\n')
    return tmp_path


def test_check_counts_export_tables(project):
    assert "no mistake in 1 export table." in starlift("check", "--project", str(project)).stdout


def test_check_names_the_file_and_the_setting_of_a_mistake(project):
    (project / "exports" / "staff.toml").write_text('key = ["id"]\nclosed = "_SUCCESS"\n')

    refused = starlift("check", "--project", str(project))

    assert refused.exit_code == 1
    assert "exports/staff.toml: unknown setting 'closed'" in refused.stderr
