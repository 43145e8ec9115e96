"""What docs/exports.md shows to be tried in a minute works as it is pasted."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.changes_factories import Place

DOCUMENT = (Path(__file__).parents[2] / "docs" / "exports.md").read_text()
FILES, TARGET = re.findall(r"```sh\n(.*?)```", DOCUMENT, re.DOTALL)
CREATE = re.compile(r'^psql "\$STARLIFT_WAREHOUSE" -c \'(.*)\'\n', re.MULTILINE)


@pytest.fixture
def clone(tmp_path):
    """Return a folder that holds the command where `make setup` puts it."""
    command = tmp_path / ".venv" / "bin" / "starlift"
    command.parent.mkdir(parents=True)
    command.write_text(f"#!/bin/sh\nexec {shlex.quote(sys.executable)} -c 'from cli.main import main; main()' \"$@\"\n")
    command.chmod(0o755)
    return tmp_path


def paste(text, folder):
    """Run the lines in a shell, and return what they print."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("STARLIFT_")}
    command = ["sh", "-e", "-c", text]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_two_files_are_compared_as_shown(clone):
    assert re.findall(r'"op":"(\w+)"', paste(FILES, clone)) == ["UPDATE", "DELETE", "INSERT"]


def test_two_versions_reach_a_target_as_shown(clone, make_database):
    place = Place(make_database(), clone)
    place.ask(CREATE.search(TARGET)[1])
    text = re.sub("'postgresql://.*?'", shlex.quote(place.url), CREATE.sub("", TARGET))

    told = paste(FILES + text, clone)

    assert "no mistake in 1 export table" in told
    assert "2026-11-21 succeeded: 1 inserted, 1 updated, 1 deleted" in told
    assert "The target equals export 2026-11-21 of 3 rows." in told
    assert place.ask("SELECT id, name FROM staff ORDER BY id") == [[1, "Ann"], [2, "Bobby"], [4, "Di"]]
