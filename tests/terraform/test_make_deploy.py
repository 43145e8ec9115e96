"""`make deploy` and `make destroy` with Terraform itself, against the emulated AWS."""

import pytest

from local.aws import EmulatedAws, emulated_aws
from local.cloud.__main__ import main
from local.cloud.answers import Answers, write_answers
from local.packaging.build_target import on_lambda
from local.packaging.packages import ROOT
from tests.cloud_harness import STATE_BUCKET
from tests.lambda_packages import built_for_lambda
from tests.terraform.deployment import taught
from tests.terraform.program import make_terraform

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Return a copy of the repository as far as deploying needs it, with protected data asked for."""
    packages = built_for_lambda("x86_64", tmp_path / "probe")
    copy = make_terraform(tmp_path)
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", copy.environment["TF_CLI_CONFIG_FILE"])
    answers = Answers("totesys", "dev", "eu-west-2", "ops@example.com", others="protect_data = true\n")
    write_answers(copy.folder / "environments/totesys-dev.tfvars", answers)
    (tmp_path / "projects").symlink_to(ROOT / "projects")
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / on_lambda("x86_64").name).symlink_to(packages["load"].function.parent)
    return tmp_path


@pytest.fixture
def aws(monkeypatch):
    with taught(), emulated_aws() as emulated:
        monkeypatch.setenv("AWS_ENDPOINT_URL", emulated.endpoint)
        monkeypatch.setenv("TF_VAR_aws_endpoint", emulated.endpoint)
        yield emulated


def make(verb, root, *more):
    return main([verb, "--root", str(root), "--yes", *more])


def names(aws: EmulatedAws):
    return {function["FunctionName"] for function in aws.client("lambda").list_functions()["Functions"]}


def test_what_is_deployed_holds_on_to_its_data_until_it_is_given_up_by_name(root, aws, capfd):
    where = {"LocationConstraint": "eu-west-2"}
    aws.client("s3").create_bucket(Bucket=STATE_BUCKET, CreateBucketConfiguration=where)
    aws.client("s3").put_bucket_versioning(Bucket=STATE_BUCKET, VersioningConfiguration={"Status": "Enabled"})

    assert make("deploy", root) == 0
    assert names(aws) == {f"totesys-dev-{stage}" for stage in ("extraction", "transformation", "load")}

    aws.client("secretsmanager").put_secret_value(SecretId="totesys-dev/source", SecretString="{}")
    assert make("destroy", root) == 1
    assert "GIVE_UP=totesys-dev" in capfd.readouterr().out
    assert names(aws)

    (root / "build" / on_lambda("x86_64").name).unlink()  # as in a fresh copy of the repository
    assert make("destroy", root, "--give-up", "totesys-dev") == 0
    assert names(aws) == set()
    assert make("destroy", root) == 1  # there is nothing left to destroy
