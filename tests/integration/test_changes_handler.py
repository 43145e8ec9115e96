"""The changes Lambda: from a delivery of the stream to its answer, and what it logs."""

import contextlib
import io
import json
import logging

import boto3
import pytest
from moto import mock_aws

from load.changes.handler import lambda_handler
from load.changes.wiring import Config
from tests.changes_factories import SHARD, records, written
from utils import log
from utils.errors import ChangeRefusedError, ConfigurationError
from utils.postgres.url import parse_url

SECRET = "hush-hush"
BAD = written("2", sequence=2, amount=SECRET)


@pytest.fixture
def deployed(target, tmp_path, monkeypatch):
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports/orders.toml").write_text('key = ["id"]\n')
    for name, value in {"PROJECT": tmp_path, "PROCESSED": target.store.url, "WAREHOUSE_SECRET": "target"}.items():
        monkeypatch.setenv(name, str(value))
    url = parse_url(target.url)
    secret = {"host": url.host, "port": url.port, "username": url.user, "password": "x", "dbname": url.database}
    with mock_aws():
        boto3.client("secretsmanager").create_secret(
            Name="target", SecretString=json.dumps({**secret, "sslmode": "disable"})
        )
        yield target


def deliver(*changes, first=1):
    return lambda_handler({"Records": records(changes, first)}, None)


def test_the_handler_applies_a_delivery_and_answers_that_nothing_failed(deployed):
    assert deliver(written("1")) == {"batchItemFailures": []}
    assert deployed.names() == [1]


def test_an_empty_delivery_is_answered(deployed):
    assert lambda_handler({"Records": []}, None) == {"batchItemFailures": []}


def test_the_first_refused_record_is_asked_for_again(deployed):
    answer = deliver(written("1"), BAD, written("3", sequence=3))

    assert answer == {"batchItemFailures": [{"itemIdentifier": "2"}]}


def test_a_delivery_that_begins_with_a_refused_record_fails_so_that_lambda_halves_it(deployed):
    with pytest.raises(ChangeRefusedError) as raised:
        deliver(BAD, written("3", sequence=3), first=7)

    assert raised.value.fields["record"] == "7"


def test_a_refused_record_alone_is_asked_for_again_until_its_retries_are_over(deployed):
    assert deliver(BAD, first=7) == {"batchItemFailures": [{"itemIdentifier": "7"}]}


@pytest.fixture
def lines():
    """Return a function that gives the lines which the function has printed."""
    root, kept, stream = logging.getLogger(), logging.getLogger().handlers[:], io.StringIO()
    root.handlers = [logging.StreamHandler(stream)]
    log.configure("changes")
    yield stream.getvalue
    root.handlers = kept
    log.bind()


@pytest.mark.parametrize("rest", [(), (written("3", sequence=3),)])
def test_a_refusal_is_logged_once_as_critical_by_its_names_and_without_its_values(deployed, lines, rest):
    with contextlib.suppress(ChangeRefusedError):
        deliver(BAD, *rest)

    (line,) = [line for line in lines().splitlines() if json.loads(line)["level"] == "CRITICAL"]
    assert "acme/orders/v1/1/2" in line
    assert SECRET not in lines()


def test_counts_are_logged_by_table_with_the_shard(deployed, lines):
    deliver(written("1"), written("2", sequence=2))

    line = json.loads(lines())
    assert (line["message"], line["shard"]) == ("changes applied", SHARD)
    assert line["tables"] == {"orders": {"written": 2, "deleted": 0, "skipped": 0}}


def test_every_missing_setting_is_named_at_once():
    with pytest.raises(ConfigurationError, match=r"PROJECT.*PROCESSED.*WAREHOUSE_SECRET"):
        Config.from_env({})
