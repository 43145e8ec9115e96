import json
import logging
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from extraction.api.handler import lambda_handler
from tests.ingest_factories import SENSORS, event, reading, stored
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


class Refusing(BaseHTTPRequestHandler):
    def do_PUT(self):
        body = b"<Error><Code>KMS.DisabledException</Code><Message>The key is disabled.</Message></Error>"
        self.send_response(400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words):
        pass


def test_an_error_of_s3_that_no_one_foresaw_is_answered_500_too(raw, monkeypatch, caplog):
    with HTTPServer(("127.0.0.1", 0), Refusing) as s3:
        threading.Thread(target=s3.handle_request, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{s3.server_port}")
        monkeypatch.setenv("RAW", "s3://raw")

        status, body = send(reading(None), key="k-1")

    assert (status, "same POST again" in body["error"]) == (500, True)
    assert "KMS.DisabledException" in caplog.records[-1].error
    assert caplog.records[-1].levelname == "CRITICAL"


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
