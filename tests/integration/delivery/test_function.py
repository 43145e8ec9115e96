"""The function as Lambda calls it, the secret that it reads, and TLS."""

import json
import logging
import ssl
import subprocess
from dataclasses import replace

import boto3
import pytest

from load.delivery.handler import lambda_handler
from load.delivery.messages import Message
from load.delivery.pipeline import deliver
from local.delivery.sink import Sink, running_sink
from local.delivery.sink_store import SinkStore
from tests.delivery_factories import HEADER, message, record
from utils.errors import AccessDeniedError, ConfigurationError

pytestmark = pytest.mark.timeout(120)


def test_nothing_is_begun_that_the_functions_time_may_not_suffice_for(world):
    assert world.deliver(message("a"), seconds=29) == ["m-a"]

    assert world.statuses == []
    assert world.deliver(message("a")) == []


def test_retries_end_with_the_functions_time(world):
    world.go_wrong(status=503, times=0)
    left = iter([900, 900, 5, 5, 5])

    assert deliver([message("a"), message("b")], replace(world.ports(), seconds_left=lambda: next(left))) == [
        "m-a",
        "m-b",
    ]

    assert world.statuses == [503]


def test_the_header_is_neither_logged_nor_put_aside_even_where_the_endpoint_repeats_it(world, caplog, monkeypatch):
    caplog.set_level(logging.DEBUG)
    world.sink.refused.add(HEADER[1])
    wrong = Message("m", json.dumps({"records": [record(HEADER[1])]}))
    world.go_wrong(status=503, times=2)

    world.deliver(wrong)

    ((_body, told),) = world.queue.letters()
    assert "The record *** is refused" in told["reason"]
    ours = [line for line in caplog.records if line.name.startswith("load.")]
    assert not any(HEADER[1] in str({**vars(line), "first_id": ""}) for line in ours)


@pytest.fixture
def tls(tmp_path, world):
    """Run a sink with a certificate of its own, and yield it with the certificate's file and a client."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=sink"]
    files = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate]
    subprocess.run([*command, *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with running_sink(Sink(SinkStore(tmp_path / "tls.sqlite")), tls=context) as running:
        yield replace(world, url=running.url, sink=running.sink), certificate


def test_a_server_whose_certificate_nobody_vouches_for_is_not_sent_anything(tls, caplog):
    caplog.set_level(logging.INFO)
    world, _certificate = tls

    assert world.deliver(message("a")) == ["m-a"]

    assert world.statuses == []
    assert "CERTIFICATE_VERIFY_FAILED" in next(line.reason for line in caplog.records if line.message == "batch posted")


def test_records_are_delivered_over_tls(tls, monkeypatch):
    world, certificate = tls
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    assert world.deliver(message("a")) == []

    assert world.held == ["a"]


def test_a_tls_connection_that_says_nothing_is_ended_in_time(tls, monkeypatch):
    world, certificate = tls
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    world.go_wrong(delay=2.0, times=1)

    assert world.deliver(message("a"), total_seconds=0.2) == []

    assert world.times == {"a": 2}


@pytest.fixture
def function(world, tmp_path, monkeypatch):
    """Set the delivery function's surroundings, and return what invokes it."""
    (tmp_path / "query.sql").write_text("SELECT 1")
    (tmp_path / "delivery.toml").write_text('[fields]\nat = { type = "timestamp" }\n[delivery]\nmax_records = 2\n')
    secret = {"url": world.url, "header_name": HEADER[0], "header_value": HEADER[1]}
    boto3.client("secretsmanager").create_secret(Name=str(tmp_path), SecretString=json.dumps(secret))
    settings = {"PROJECT": tmp_path, "ENDPOINT_SECRET": tmp_path, "LEDGER": world.ledger, "DLQ_URL": world.queue.url}
    for name, value in settings.items():
        monkeypatch.setenv(name, str(value))
    return lambda *messages: lambda_handler(
        {"Records": [{"messageId": one.id, "body": one.body} for one in messages]}, Context()
    )


class Context:
    """A Lambda's context with all its time."""

    aws_request_id = "request"

    def get_remaining_time_in_millis(self):
        return 300_000


def test_the_function_delivers_in_the_projects_batches_to_the_secrets_endpoint(world, function):
    assert function(message("a", "b", "c")) == {"batchItemFailures": []}

    assert [post.records for post in world.sink.store.posts()] == [2, 1]


def test_the_function_answers_which_messages_are_to_come_again(world, function):
    world.go_wrong(status=401)

    assert function(message("a"), message("b")) == {
        "batchItemFailures": [{"itemIdentifier": "m-a"}, {"itemIdentifier": "m-b"}]
    }


def test_a_function_without_its_settings_names_all_of_them(function, monkeypatch):
    for name in ("LEDGER", "DLQ_URL"):
        monkeypatch.delenv(name)

    with pytest.raises(ConfigurationError, match="LEDGER, DLQ_URL"):
        function(message("a"))


def test_a_secret_that_cannot_be_read_is_named(function, monkeypatch):
    monkeypatch.setenv("ENDPOINT_SECRET", "no-such-secret")

    with pytest.raises(AccessDeniedError, match="no-such-secret"):
        function(message("a"))
