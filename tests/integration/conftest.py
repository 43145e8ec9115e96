"""What several integration tests build once and share."""

import os

import pytest

from local.aws import emulated_aws
from local.build_target import ARCHITECTURES, on_lambda
from local.packages import ROOT, Build, PackageError, build_packages
from tests.cloud_harness import Cloud, install_stand_in


def silent(_line):
    pass


@pytest.fixture(scope="session")
def lambda_packages(tmp_path_factory):
    """Return the packages that Lambda gets, by processor and stage; build/ keeps them for the next time."""
    try:
        return {name: build_packages(Build(on_lambda(name), say=silent)) for name in ARCHITECTURES}
    except PackageError as error:
        reason = _no_index(tmp_path_factory.mktemp("probe"))
        if reason is None:
            raise
        pytest.skip(f"no package index can be reached ({reason}), so nothing could be built: {error}")


def _no_index(folder):
    """Return why not even the smallest package can be installed, None if it can."""
    try:
        build_packages(Build(on_lambda("arm64"), folder=folder, say=silent), ["extraction"])
    except PackageError as error:
        return str(error).splitlines()[-1]
    return None


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
