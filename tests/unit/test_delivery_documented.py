"""What docs/delivery.md shows works as it stands there: a project of one's own, a POST, an event and a secret."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from extraction.api.request import read_post
from extraction.api.validation import check_records
from load.delivery.endpoint import parse_endpoint
from local.delivery.api_document import check_written, main
from tests.ingest_factories import NOON, PROJECT, event
from transformation.query.request import read_request
from utils.delivery_project import read_delivery

DOCUMENT = (Path(__file__).parents[2] / "docs" / "delivery.md").read_text()


@pytest.fixture
def project(tmp_path):
    """Return the project that the document shows."""
    for name, text in re.findall(r"```(?:toml|sql)\n(?:#|--) projects/(\S+)\n(.*?)```", DOCUMENT, re.DOTALL):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return tmp_path / "meters"


def test_the_documented_project_is_without_mistake_and_has_a_document(project):
    main([str(project)])
    check_written(project)

    checked = CliRunner().invoke(app, ["check", "--project", str(project)])

    assert checked.exit_code == 0, checked.output
    assert "records of 3 fields, query.sql with 1 parameter" in " ".join(checked.output.split())


def test_the_documented_event_may_be_asked_for(project):
    asked = json.loads(re.search(r'```json\n({"from": "20.*?)\n```', DOCUMENT)[1])

    assert read_request(asked, read_delivery(project).query.parameters).parameters == {"least": 2}


def test_the_documented_post_is_accepted():
    body = re.search(r"-d '(\[.*sensorId.*\])'", DOCUMENT)[1]

    assert len(check_records(read_post(event(body), PROJECT.ingest, NOON), PROJECT)) == 1


def test_the_documented_secret_opens_an_endpoint():
    secret = json.loads(re.search(r'`({"url": .*?})`', DOCUMENT)[1])

    assert parse_endpoint(secret, "endpoint").origin == "https://example.org:443"
