"""The API's document, held to what the project declares."""

import shutil
from pathlib import Path

import pytest

from local.api_document import FILE, check_written
from utils.errors import ConfigurationError

SENSORS = Path(__file__).parents[2] / "projects/sensors"


def test_a_document_that_was_written_after_the_declaration_is_taken():
    check_written(SENSORS)


def test_a_field_that_was_declared_after_the_document_was_written_is_told_with_the_remedy(tmp_path):
    folder = Path(shutil.copytree(SENSORS, tmp_path / "sensors"))
    declared = (folder / "delivery.toml").read_text()
    (folder / "delivery.toml").write_text(declared.replace("[fields]", '[fields]\npressure = { type = "number" }', 1))

    with pytest.raises(ConfigurationError, match=r"Write it anew: python -m local.api_document"):
        check_written(folder)


def test_a_project_without_the_document_is_told_too(tmp_path):
    folder = Path(shutil.copytree(SENSORS, tmp_path / "sensors"))
    (folder / FILE).unlink()

    with pytest.raises(ConfigurationError, match="is not what delivery"):
        check_written(folder)
