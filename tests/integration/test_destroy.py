"""`make destroy`: data stops it, unless the deployment is named."""

import pytest

pytestmark = pytest.mark.timeout(600)

FIRST = ("init", "output", "state list", "plan -var=protect_data=false", "apply")
LAST = ("plan -destroy -var=protect_data=false", "apply")


def test_what_holds_no_data_is_destroyed(cloud):
    cloud.create_bucket("landing")
    cloud.says["outputs"] = {"landing": "s3://landing"}

    assert cloud.make("destroy", "--yes") == 0

    assert cloud.calls() == [*FIRST, *LAST]


def test_batches_stop_it_before_anything_is_touched(cloud, capsys):
    cloud.create_bucket("landing")
    cloud.aws.client("s3").put_object(Bucket="landing", Key="a", Body=b"")
    cloud.says["outputs"] = {"landing": "s3://landing"}

    assert cloud.make("destroy", "--yes") == 1

    assert cloud.calls() == ["init", "output"]
    assert "batches in s3://landing" in (shown := capsys.readouterr().out)
    assert "GIVE_UP=totesys-dev" in shown


def test_batches_that_were_only_marked_as_deleted_count(cloud):
    cloud.create_bucket("landing")
    s3 = cloud.aws.client("s3")
    s3.put_bucket_versioning(Bucket="landing", VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket="landing", Key="a", Body=b"")
    s3.delete_object(Bucket="landing", Key="a")
    cloud.says["outputs"] = {"landing": "s3://landing"}

    assert cloud.make("destroy", "--yes") == 1


def test_a_login_stops_it(cloud, capsys):
    cloud.aws.client("secretsmanager").create_secret(Name="source", SecretString="{}")
    cloud.says["outputs"] = {"source_secret_name": "source"}

    assert cloud.make("destroy", "--yes") == 1
    assert "the login in the secret source" in capsys.readouterr().out


def test_a_warehouse_made_here_stops_it(cloud, capsys):
    cloud.says["outputs"] = {"warehouse_database": {"host": "db.example.com"}}

    assert cloud.make("destroy", "--yes", "--give-up", "totesys-prod") == 1
    assert "the warehouse on db.example.com" in capsys.readouterr().out


def test_data_goes_with_it_when_the_deployment_is_named_and_its_protection_is_lifted_first(cloud):
    cloud.says["outputs"] = {"warehouse_database": {"host": "db.example.com"}}
    cloud.says["state"] = ["module.permanent.terraform_data.protection[0]", "module.warehouse[0].aws_sns_topic.a"]

    assert cloud.make("destroy", "--yes", "--give-up", "totesys-dev") == 0

    removed = "state rm module.permanent.terraform_data.protection[0]"
    assert cloud.calls() == [*FIRST[:3], removed, *FIRST[3:], *LAST]


def test_it_asks(cloud):
    assert cloud.converse("destroy", ("Destroy totesys-dev in account 123456789012?", "no"))[0] == 1

    assert cloud.calls() == ["init", "output"]


def test_dropped_files_bad_rows_and_dead_letters_stop_it(cloud, capsys):
    sqs, s3 = cloud.aws.client("sqs"), cloud.aws.client("s3")
    queue = sqs.create_queue(QueueName="dead")["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="{}")
    for name in ("dropped", "rejected"):
        cloud.create_bucket(name)
        s3.put_object(Bucket=name, Key="a", Body=b"")
    stores = {"files": "s3://dropped", "files_quarantine": "s3://rejected/quarantine"}
    cloud.says["outputs"] = {**stores, "files_dead_letters_url": queue}

    assert cloud.make("destroy", "--yes") == 1
    shown = capsys.readouterr().out
    assert (
        "dropped files in s3://dropped; bad rows of dropped files in s3://rejected/quarantine; 1 dead letters" in shown
    )
