import json
import logging
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config

from extraction.api.handler import lambda_handler
from tests.ingest_factories import SENSORS, event, reading, stored
from utils import s3_store
from utils.errors import ConfigurationError
from utils.folder_store import FolderStore


@pytest.fixture
def raw(monkeypatch, tmp_path):
    folder = tmp_path / "raw"
    monkeypatch.setenv("PROJECT", str(SENSORS))
    monkeypatch.setenv("RAW", str(folder))
    return folder


def send(body, **changes):
    answer = lambda_handler(event(body, **changes), None)
    return answer["statusCode"], json.loads(answer["body"])


def test_a_post_is_answered_with_its_count_and_objects(raw):
    now = datetime.now(UTC)

    status, body = send([reading(now), reading(now - timedelta(hours=2))])

    assert (status, body["count"], body["stored"], len(body["objectKeys"])) == (200, 2, 2, 2)
    assert {record["objectKey"] for record in stored(FolderStore(raw))} == set(body["objectKeys"])


def test_a_wrong_post_is_answered_with_index_field_and_reason(raw):
    status, body = send([reading(None), reading(None, rawHumidity=-1)])

    assert (status, body["error"]) == (400, "1 of 2 records are wrong; nothing was stored.")
    assert body["reasons"] == [{"index": 1, "field": "rawHumidity", "reason": "must be at least 0"}]
    assert not raw.exists()


def test_a_hundred_reasons_are_told_and_the_rest_counted(raw):
    status, body = send([1] * 250)

    assert (status, len(body["reasons"]), body["moreReasons"]) == (400, 100, 150)


def test_a_key_used_for_other_records_is_answered_409(raw):
    send(reading(None), key="k-1")

    assert send(reading(None, rawHumidity=1), key="k-1")[0] == 409


def test_a_store_that_fails_is_answered_500_and_the_same_post_then_completes(raw, caplog):
    raw.write_text("a file where the folder should be")

    status, body = send(reading(None), key="k-1")

    assert (status, "same POST again" in body["error"]) == (500, True)
    assert [line.message for line in caplog.records if line.levelno >= logging.WARNING] == ["post not stored"]
    raw.unlink()
    assert send(reading(None), key="k-1")[1]["stored"] == 1


def answering(status, code):
    """A client of S3 that gets this answer to whatever it asks."""
    client = boto3.client("s3", config=Config(retries={"total_max_attempts": 1}))
    body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
    answer = AWSResponse("", status, {}, SimpleNamespace(stream=lambda: [body]))
    client.meta.events.register("before-send.s3", lambda **_request: answer)
    return client


@pytest.mark.parametrize(
    ("status", "code"), [(400, "KMS.DisabledException"), (500, "NeverHeardOf"), (403, "AccessDenied")]
)
def test_whatever_s3_answers_it_is_500_with_what_to_do(monkeypatch, raw, status, code):
    monkeypatch.setenv("RAW", f"s3://lift-{status}")
    monkeypatch.setattr(s3_store, "s3_client", lambda: answering(status, code))

    answered, body = send(reading(None), key="k-1")

    assert (answered, "same POST again" in body["error"]) == (500, True)


def test_a_function_without_its_settings_says_which(monkeypatch):
    monkeypatch.delenv("PROJECT", raising=False)
    monkeypatch.delenv("RAW", raising=False)

    with pytest.raises(ConfigurationError, match="PROJECT, RAW"):
        send(reading())


def test_no_page_of_a_browser_may_read_or_keep_an_answer(raw):
    headers = lambda_handler(event(reading(None)), None)["headers"]

    assert not any(name.lower().startswith("access-control") for name in headers)
    assert (headers["X-Content-Type-Options"], headers["Cache-Control"]) == ("nosniff", "no-store")


def test_no_value_and_no_key_of_a_post_is_logged(raw, caplog):
    with caplog.at_level(logging.INFO):
        for body in (reading(None, sensorId="secret-1"), {"secret-2": "secret-3"}, '{"secret-4'):
            send(body, key="secret-5", sender="secret-6")

    assert len(caplog.records) == 3
    assert not any("secret" in str(vars(line)) for line in caplog.records)
