"""The load Lambda: from its environment to its answer."""

import json

import boto3
import pytest
from moto import mock_aws

from load.warehouse.handler import lambda_handler
from load.warehouse.wiring import Config
from tests.load_factories import Place, dimension
from utils.errors import ConfigurationError
from utils.postgres.url import parse_url


class Context:
    def get_remaining_time_in_millis(self):
        return 300_000


@pytest.fixture
def place(make_database, tmp_path):
    return Place(make_database(), tmp_path)


@pytest.fixture
def environment(place, monkeypatch):
    (place.folder / "pipeline.toml").write_text('name = "test"\nwarehouse_schema = "star"\n')
    (place.folder / "models").mkdir()
    (place.folder / "models/dim_staff.sql").write_text('/* kind = "dimension"\nkey = "staff_id"\ndriving = "staff" */')
    for name, value in {"PROJECT": place.folder, "PROCESSED": place.store.url, "WAREHOUSE_SECRET": "warehouse"}.items():
        monkeypatch.setenv(name, str(value))


@pytest.fixture
def secret(place):
    url = parse_url(place.url)
    value = {"host": url.host, "port": url.port, "username": url.user, "password": "x", "dbname": url.database}
    with mock_aws():
        secrets = boto3.client("secretsmanager")
        secrets.create_secret(Name="warehouse", SecretString=json.dumps({**value, "sslmode": "disable"}))
        yield


@pytest.mark.usefixtures("environment", "secret")
def test_the_handler_loads_what_is_pending_into_the_projects_schema_and_answers(place):
    place.transform(dimension().bringing((1, "ann")))

    answer = lambda_handler({"run_id": "r7"}, Context())

    assert answer == {
        "run_id": "r7",
        "batches": [1],
        "tables": {"dim_staff": {"loaded": 1, "skipped": 0, "quarantined": 0, "deleted": 0, "late": 0}},
        "more": False,
    }
    assert json.dumps(answer)
    assert place.ask("SELECT name FROM star.dim_staff") == [["ann"]]


def test_every_missing_setting_is_named_at_once():
    with pytest.raises(ConfigurationError, match=r"PROJECT.*PROCESSED.*WAREHOUSE_SECRET"):
        Config.from_env({})
