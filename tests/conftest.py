"""Fixtures shared by every ring: a real PostgreSQL, an emulated bucket, and credentials that reach nothing."""

import itertools
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

import boto3
import pg8000.native
import pytest
from hypothesis import HealthCheck, settings
from moto.server import ThreadedMotoServer

from local.postgres.embedded import EmbeddedPostgres, embedded_postgres

FAKE_AWS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "AWS_SECURITY_TOKEN": "testing",
    "AWS_DEFAULT_REGION": "eu-west-2",
    "AWS_REGION": "eu-west-2",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
MakeDatabase = Callable[..., str]

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])  # machines are busy
settings.load_profile("untimed")

# At import too: a client made while a test module loads must not find a developer's own account.
os.environ.update(FAKE_AWS)
os.environ.pop("AWS_PROFILE", None)

_serial = itertools.count(1)


@pytest.fixture(autouse=True)
def fake_aws_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    for name, value in FAKE_AWS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[EmbeddedPostgres]:
    version = int(os.environ.get("STARLIFT_TEST_POSTGRES", "18"))
    # Tests throw the data away, so nothing has to survive a power cut.
    with embedded_postgres(version, {"fsync": "off", "max_prepared_transactions": "20"}) as server:
        yield server


@pytest.fixture
def make_database(postgres_server: EmbeddedPostgres) -> Iterator[MakeDatabase]:
    """Return a function that creates a database, a copy of `template` if named, and gives its address."""
    created = []

    def make(template: str | None = None) -> str:
        name = f"test_{os.getpid()}_{next(_serial)}"
        run_on_server(postgres_server, f"CREATE DATABASE {name} TEMPLATE {template or 'template0'}")
        created.append(name)
        return postgres_server.url(name)

    yield make
    for name in created:
        run_on_server(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@dataclass(frozen=True)
class Bucket:
    """An emulated bucket that other processes reach too."""

    url: str
    environment: dict[str, str]  # by which they find it


@pytest.fixture(scope="module")
def bucket() -> Iterator[Bucket]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint, name = f"http://{host}:{port}", f"test-{uuid.uuid4().hex}"
    boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1").create_bucket(Bucket=name)
    yield Bucket(f"s3://{name}", {**FAKE_AWS, "AWS_ENDPOINT_URL_S3": endpoint})
    server.stop()


def run_on_server(server: EmbeddedPostgres, statement: str) -> None:
    with closing(pg8000.native.Connection("postgres", "127.0.0.1", "postgres", server.port)) as connection:
        connection.run(statement)
