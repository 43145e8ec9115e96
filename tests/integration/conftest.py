"""What several integration tests build once and share."""

import os
import uuid
from collections.abc import Iterator

import pytest

from local.aws import emulated_aws
from local.packaging.build_target import ARCHITECTURES, on_lambda
from local.packaging.packages import ROOT
from tests.changes_factories import CREATE_ORDERS, Place
from tests.cloud_harness import STATE_BUCKET, Cloud, install_stand_in
from tests.conftest import run_on_server
from tests.export_factories import World, dynamodb_server, make_registry
from tests.lambda_packages import built_for_lambda


@pytest.fixture(scope="session")
def lambda_packages(tmp_path_factory):
    """Return the packages that Lambda gets, by processor and stage; build/ keeps them for the next time."""
    probe = tmp_path_factory.mktemp("probe")
    return {architecture: built_for_lambda(architecture, probe) for architecture in ARCHITECTURES}


@pytest.fixture(scope="module")
def dynamodb():
    """Run an emulated DynamoDB, and return its address."""
    with dynamodb_server() as address:
        yield address


@pytest.fixture(params=["sqlite", "dynamodb"])
def world(request, tmp_path, dynamodb, monkeypatch):
    """Return a place for exports with an empty registry of each kind."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", dynamodb)
    return World(tmp_path / "exports", make_registry(request.param, tmp_path))


@pytest.fixture
def cloud(tmp_path, monkeypatch):
    """Return a deployment's surroundings, with its answers given and nothing deployed."""
    root = tmp_path / "copy"
    for folder in ("terraform/environments", "terraform/bootstrap", "build"):
        (root / folder).mkdir(parents=True)
    (root / "projects").symlink_to(ROOT / "projects")
    (root / "terraform/environments/dev.tfvars").write_text('environment = "dev"\n')
    install_stand_in(tmp_path, root)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with emulated_aws() as aws:
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint)
        made = Cloud(root, aws)
        made.answer()
        yield made


@pytest.fixture
def built(cloud, lambda_packages):
    """Give the copy the packages that the repository has."""
    name = on_lambda("x86_64").name
    (cloud.root / "build" / name).symlink_to(lambda_packages["x86_64"]["load"].function.parent)


@pytest.fixture
def has_state(cloud):
    """Give the project its bucket of states, as the first deployment does."""
    cloud.create_bucket(STATE_BUCKET)


@pytest.fixture(scope="module")
def target_database(postgres_server) -> Iterator[str]:
    """Create one database for the targets of a module's tests, each of which finds it empty."""
    name = f"targets_{os.getpid()}_{uuid.uuid4().hex}"
    run_on_server(postgres_server, f"CREATE DATABASE {name} TEMPLATE template0")
    yield postgres_server.url(name)
    run_on_server(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def bare_target(target_database, tmp_path) -> Place:
    """Return a place whose database holds nothing."""
    place = Place(target_database, tmp_path)
    for schema in ("public", "starlift"):
        place.ask(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
    place.ask("CREATE SCHEMA public")
    return place


@pytest.fixture
def target(bare_target) -> Place:
    """Return a place with a table of orders."""
    bare_target.ask(CREATE_ORDERS)
    return bare_target
