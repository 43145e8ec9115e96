import json

import boto3
import pytest
from moto import mock_aws

from utils.errors import AccessDeniedError, ConfigurationError
from utils.postgres.url import DatabaseUrl
from utils.secrets import read_database_secret

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
