import json
import os
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    positive_data_acceptance,
    response_schema_conformance,
    status_code_conformance,
)
from werkzeug.test import Client

from extraction.api.handler import lambda_handler
from local.delivery.api_document import FILE, text
from local.delivery.api_gateway import RestApi
from tests.ingest_factories import SENSORS, reading

KEY = "the-key-of-a-test"
API = RestApi(lambda_handler, KEY)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    positive_data_acceptance,
    negative_data_rejection,
]
LATIN = reading(None, sensorId="Jörg")
RECENT = st.integers(0, 86_000).map(lambda age: (datetime.now(UTC) - timedelta(seconds=age)).isoformat())

# The format allows all of time; the API what is near.
schemathesis.openapi.format("date-time", RECENT)
document = schemathesis.openapi.from_dict(json.loads((SENSORS / FILE).read_text()))
document.app = API


@pytest.fixture(autouse=True)
def raw(tmp_path):
    with patch.dict(os.environ, PROJECT=str(SENSORS), RAW=str(tmp_path)):
        yield tmp_path


def send(path="/ingest", body=None, **options):
    headers = {"x-api-key": KEY, "Content-Type": "application/json"} | options.pop("headers", {})
    return Client(API).open(path, method=options.pop("method", "POST"), headers=headers, data=body)


@document.parametrize()
@settings(max_examples=150, suppress_health_check=list(HealthCheck))
def test_the_handler_answers_as_the_document_says(case):
    case.call_and_validate(headers={"x-api-key": KEY}, checks=CHECKS)


def test_the_document_is_what_the_declaration_makes_it():
    assert (SENSORS / FILE).read_text() == text(SENSORS), (
        "write it anew: python -m local.delivery.api_document projects/sensors"
    )


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        ({"headers": {"x-api-key": ""}}, 403, "Forbidden"),
        ({"headers": {"x-api-key": "another"}}, 403, "Forbidden"),
        ({"method": "GET"}, 403, "Missing Authentication Token"),
        ({"path": "/"}, 403, "Missing Authentication Token"),
        ({"body": b'"' * 4_000_000}, 413, "Request Too Long"),
    ],
)
def test_what_api_gateway_itself_refuses_does_not_reach_the_function(options, status, message):
    answer = send(**options)

    assert (answer.status_code, answer.json) == (status, {"message": message})


@pytest.mark.parametrize(
    "body", [b"\xff\xfe", "{}".encode("utf-16"), json.dumps(LATIN, ensure_ascii=False).encode("latin-1")]
)
def test_a_body_that_is_not_utf_8_is_refused_although_api_gateway_replaces_what_it_cannot_read(raw, body):
    answer = send(body=body)

    assert (answer.status_code, "not UTF-8" in answer.json["reasons"][0]["reason"]) == (400, True)
    assert not list(raw.iterdir())


def test_a_replacement_character_that_is_meant_is_taken_as_an_escape():
    assert send(body=json.dumps(reading(None, sensorId="\ufffd"))).status_code == 200


GATEWAY_STATUSES = ["403", "413", "429", "500", "502", "503", "504"]  # of a function without turn, time or memory, too


@pytest.mark.parametrize("status", GATEWAY_STATUSES)
def test_the_document_knows_what_api_gateway_answers_without_the_function(status):
    whole = document.raw_schema
    answer = whole["paths"]["/ingest"]["post"]["responses"][status]
    schema = {**answer["content"]["application/json"]["schema"], "components": whole["components"]}

    jsonschema.validate({"message": "Internal server error"}, schema)


def test_a_post_over_http_is_stored(raw):
    answer = send(body=json.dumps([reading(None), reading(None)]))

    assert (answer.status_code, answer.json["count"]) == (200, 2)
    assert (raw / answer.json["objectKeys"][0]).exists()
