"""`starlift delta` as a person runs it."""

import json

import pytest
from typer.testing import CliRunner

from cli.main import app
from utils.changes import from_json

OLD = "id,name\n1,Ann\n2,Bob\n3,Cy\n"
NEW = "id,name\n1,Ann\n2,Bobby\n4,Di\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.csv").write_text(OLD)
    (tmp_path / "new.csv").write_text(NEW)
    return tmp_path


def delta(*arguments):
    return CliRunner().invoke(app, ["delta", *arguments])


def test_the_command_counts_and_writes_the_changes_and_tells_its_progress(folder):
    result = delta("old.csv", "new.csv", "--key", "id")

    assert result.exit_code == 0
    assert result.stdout.split()[:8] == ["inserted", "1", "updated", "1", "deleted", "1", "unchanged", "1"]
    assert "reading old.csv" in result.stderr
    changes = [from_json(line) for line in (folder / "changes.jsonl").read_bytes().splitlines()]
    assert [change.key["id"] for change in changes] == ["2", "3", "4"]


def test_json_is_one_object_and_nothing_else(folder):
    result = delta("old.csv", "new.csv", "--key", "id", "--out", "mine.jsonl", "--json")

    assert json.loads(result.stdout)["deleted"] == 1
    assert result.stderr == ""
    assert (folder / "mine.jsonl").exists()


def test_folders_of_files_are_compared_as_one_export_each(folder):
    for name, text in (("before", OLD), ("after", NEW)):
        (folder / name).mkdir()
        (folder / name / "_SUCCESS").touch()
        (folder / name / "part-1.csv").write_text(text)
        (folder / name / "part-2.csv").write_text("id,name\n9,Zoe\n")

    result = delta("before", "after", "--key", "id", "--json")

    assert (json.loads(result.stdout)["after"], json.loads(result.stdout)["unchanged"]) == (4, 2)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["old.csv", "new.csv", "--key", "nr"], "lacks the key's nr"),
        (["old.csv", "new.csv", "--key", "id", "--out", "new.csv"], "is one of the exports"),
        (["old.csv", "new.csv", "--key", "id", "--out", "nowhere/x"], "is not a folder"),
        (["old.csv", "old.csv", "--key", "id", "--format", "parquet"], "old.csv cannot be read"),
    ],
)
def test_what_cannot_be_compared_is_named_and_nothing_is_written(folder, arguments, reason):
    result = delta(*arguments)

    assert result.exit_code == 1
    assert reason in " ".join(result.stderr.split())
    assert {path.name for path in folder.iterdir()} == {"old.csv", "new.csv"}
    assert (folder / "new.csv").read_text() == NEW


def test_an_earlier_result_is_not_overwritten_unless_it_is_named(folder):
    delta("old.csv", "new.csv", "--key", "id")

    assert "exists already" in delta("old.csv", "new.csv", "--key", "id").stderr
    assert delta("new.csv", "old.csv", "--key", "id", "--out", "changes.jsonl").exit_code == 0
