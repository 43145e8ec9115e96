import json

import boto3
import pytest
from botocore.config import Config
from botocore.stub import Stubber
from moto import mock_aws

from utils.errors import AccessDeniedError, ConfigurationError, ServiceUnavailableError
from utils.postgres.url import DatabaseUrl
from utils.secrets import read_database_secret

ONE_ATTEMPT = Config(retries={"total_max_attempts": 1})
SECRET = {"host": "db.example", "port": 5433, "username": "app", "password": "s3cret", "dbname": "shop"}


@pytest.fixture
def keep():
    with mock_aws():
        client = boto3.client("secretsmanager")
        yield lambda text: client.create_secret(Name="starlift/source", SecretString=text)


def test_a_secret_in_rds_form_is_a_verified_database(keep):
    keep(json.dumps(SECRET))

    assert read_database_secret("starlift/source") == DatabaseUrl("db.example", 5433, "shop", "app", "s3cret")


def test_a_secret_may_name_its_authority(keep):
    keep(json.dumps(SECRET | {"sslrootcert": "rds.pem"}))

    assert read_database_secret("starlift/source").sslrootcert == "rds.pem"


@pytest.mark.parametrize("text", ["s3cret", "[]", json.dumps({**SECRET, "host": ""}), "{}"])
def test_a_wrong_secret_is_named_without_its_values(keep, text):
    keep(text)

    with pytest.raises(ConfigurationError, match="starlift/source lacks") as refusal:
        read_database_secret("starlift/source")

    assert "s3cret" not in str(refusal.value)


def test_a_missing_secret_is_named():
    with mock_aws(), pytest.raises(AccessDeniedError, match="starlift/nowhere"):
        read_database_secret("starlift/nowhere")


def test_a_service_that_is_away_is_worth_a_retry(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")

    with pytest.raises(ServiceUnavailableError, match="starlift/source cannot be reached"):
        read_database_secret("starlift/source", boto3.client("secretsmanager", config=ONE_ATTEMPT))


def test_a_service_that_is_busy_is_worth_a_retry():
    client = boto3.client("secretsmanager")
    with Stubber(client) as service:
        service.add_client_error("get_secret_value", "ThrottlingException", "Rate exceeded", 400)

        with pytest.raises(ServiceUnavailableError, match="starlift/source cannot be read: ThrottlingException"):
            read_database_secret("starlift/source", client)
