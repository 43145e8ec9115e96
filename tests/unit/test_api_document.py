"""The API's document, held to what the project declares."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from local.delivery.api_document import FILE, check_written, main
from utils.errors import ConfigurationError

SENSORS = Path(__file__).parents[2] / "projects/sensors"


def test_a_document_that_was_written_after_the_declaration_is_taken():
    check_written(SENSORS)


def test_a_field_that_was_declared_after_the_document_was_written_is_told_with_the_remedy(tmp_path):
    folder = Path(shutil.copytree(SENSORS, tmp_path / "sensors"))
    declared = (folder / "delivery.toml").read_text()
    (folder / "delivery.toml").write_text(declared.replace("[fields]", '[fields]\npressure = { type = "number" }', 1))

    with pytest.raises(ConfigurationError, match=r"Write it anew: .venv/bin/python -m local.delivery.api_document"):
        check_written(folder)


def test_a_project_without_the_document_is_told_too(tmp_path):
    folder = Path(shutil.copytree(SENSORS, tmp_path / "sensors"))
    (folder / FILE).unlink()

    with pytest.raises(ConfigurationError, match="is not what delivery"):
        check_written(folder)


def test_check_finds_a_document_that_is_out_of_date(tmp_path):
    folder = Path(shutil.copytree(SENSORS, tmp_path / "sensors"))
    (folder / FILE).write_text("{}")

    checked = CliRunner().invoke(app, ["check", "--project", str(folder)])

    assert checked.exit_code == 1
    assert "Write it anew" in checked.output


def test_check_tells_how_a_document_is_written_that_is_not_there_yet(tmp_path):
    folder = Path(shutil.copytree(SENSORS, tmp_path / "sensors"))
    (folder / FILE).unlink()

    checked = CliRunner().invoke(app, ["check", "--project", str(folder)])

    assert checked.exit_code == 0
    assert f"Write it: .venv/bin/python -m local.delivery.api_document {folder}" in checked.output


def test_the_document_is_the_same_written_from_inside_the_folder(tmp_path, monkeypatch):
    folder = Path(shutil.copytree(SENSORS, tmp_path / "sensors"))
    monkeypatch.chdir(folder)

    assert main(["."]) == 0

    assert (folder / FILE).read_text() == (SENSORS / FILE).read_text()


def test_a_folder_that_declares_no_records_is_told_without_a_traceback(tmp_path, capsys):
    assert main([str(tmp_path)]) == 1

    assert "delivery.toml does not exist" in capsys.readouterr().err
