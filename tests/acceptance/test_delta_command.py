"""`starlift delta` as a person runs it."""

import json
import os
import signal
import stat
import subprocess
import sys

import duckdb
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
        (["old.csv", "old.csv", "--key", "id", "--format", "parquet"], "old.csv cannot be read: it is no Parquet file"),
        (["old.csv", "new.csv", "--key", "id", "--key", "id"], "--key names id twice"),
        (["old.csv", "new.csv", "--key", "id", "--delimiter", "ab"], "must be one ASCII character"),
        (["old.csv", "new.csv", "--key", "id", "--delimiter", ""], "must be one ASCII character"),
        (["old.csv", "new.csv", "--key", "id", "--delimiter", ";"], "or the delimiter that it has"),
        (["old.csv", "new.csv", "--key", "id", "--out", "-", "--json"], "both write on standard output"),
        (["old.csv", "new.csv", "--key", "id", "--out", "/proc/changes.jsonl"], "cannot be written"),
        (["/dev/zero", "new.csv", "--key", "id"], "is neither a file nor a folder"),
    ],
)
def test_what_cannot_be_compared_is_named_and_nothing_is_written(folder, arguments, reason):
    result = delta(*arguments)

    assert result.exit_code == 1
    assert reason in " ".join(result.output.split())
    assert {path.name for path in folder.iterdir()} == {"old.csv", "new.csv"}
    assert (folder / "new.csv").read_text() == NEW


def test_an_earlier_result_is_not_overwritten_unless_it_is_named(folder):
    delta("old.csv", "new.csv", "--key", "id")

    assert "exists already" in delta("old.csv", "new.csv", "--key", "id").stderr
    assert delta("new.csv", "old.csv", "--key", "id", "--out", "changes.jsonl").exit_code == 0


def test_what_is_no_plain_file_is_never_replaced_by_the_changes(folder):
    (folder / "link").symlink_to("old.csv")
    (folder / "there").mkdir()
    os.mkfifo(folder / "pipe")

    for name in ("link", "there", "pipe"):
        assert "is a folder, a link or a device" in delta("new.csv", "new.csv", "--key", "id", "--out", name).stderr
    assert (folder / "old.csv").read_text() == OLD
    assert stat.S_ISFIFO((folder / "pipe").stat().st_mode)


def test_changes_go_to_standard_output_and_their_counts_beside_it(folder):
    result = delta("old.csv", "new.csv", "--key", "id", "--out", "-")

    assert [from_json(line.encode()).op for line in result.stdout.splitlines()] == ["UPDATE", "DELETE", "INSERT"]
    assert "3 changes on standard output; 3 rows before, 3 rows after." in result.stderr
    assert {path.name for path in folder.iterdir()} == {"old.csv", "new.csv"}


def test_a_tab_may_be_written_as_a_shell_passes_it(folder):
    (folder / "old.csv").write_text(OLD.replace(",", "\t"))

    assert delta("old.csv", "old.csv", "--key", "id", "--delimiter", "\\t").exit_code == 0


def test_each_export_has_the_format_that_its_own_name_tells(folder):
    duckdb.sql(f"COPY (FROM read_csv('{folder}/old.csv')) TO '{folder}/old.parquet'")

    result = delta("old.parquet", "new.csv", "--key", "id", "--json")

    assert [json.loads(result.stdout)[what] for what in ("inserted", "updated", "deleted")] == [1, 1, 1]


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ([], "holds no file"),
        (["a.csv", "deeper/"], "deeper cannot be read: Is a directory"),
        (["a.csv", "b.txt"], "tell no format"),
    ],
)
def test_a_folder_that_is_no_export_is_refused_with_what_is_wrong(folder, names, reason):
    (folder / "export").mkdir()
    for name in names:
        (folder / "export" / name).mkdir() if name.endswith("/") else (folder / "export" / name).write_text(OLD)

    result = delta("old.csv", "export", "--key", "id")

    assert result.exit_code == 1
    assert reason in " ".join(result.stderr.split())


def test_changes_do_not_become_a_file_of_an_export(folder):
    (folder / "export").mkdir()
    (folder / "export" / "a.csv").write_text(NEW)

    result = delta("old.csv", "export", "--key", "id", "--out", "export/b.csv")

    assert "or in its folder" in result.stderr


def test_ctrl_c_is_told_in_a_sentence_and_leaves_no_file(folder):
    rows = "".join(f"{number},{number % 7}\n" for number in range(300_000))
    for name in ("old.csv", "new.csv"):
        (folder / name).write_text("id,name\n" + rows)
    command = [sys.executable, "-c", "from cli.main import app; app()", "delta", "old.csv", "new.csv", "--key", "id"]

    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr.readline().startswith("reading")  # DuckDB is at work from here
        process.send_signal(signal.SIGINT)
        told = process.stderr.read()

    assert process.returncode == 130
    assert "Interrupted: nothing was written." in told
    assert "Traceback" not in told
    assert {path.name for path in folder.iterdir()} == {"old.csv", "new.csv"}
