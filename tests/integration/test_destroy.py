"""`make destroy`: data stops it, unless the deployment is named."""

import pytest

from tests.export_factories import DYNAMODB_TABLE

pytestmark = [pytest.mark.timeout(600), pytest.mark.usefixtures("has_state")]

LOOK = ("init", "show")
WITHOUT = "-var=protect_data=false -var=functions_enabled=false"
FIRST = (*LOOK, "plan -var=functions_enabled=false", "apply", "show")
LAST = (f"plan {WITHOUT}", "apply", f"plan -destroy {WITHOUT}", "apply")
PERMANENT, DROP, EXPORTS = "module.permanent.", "module.file_drop[0].", "module.export_delta[0]."
DELIVERY = "module.delivery[0]."
ROLE = "arn:aws:iam::1:role/totesys-dev-access-logs"
ANOTHER = "arn:aws:iam::1:role/another"
LANDING = {
    "address": f'{PERMANENT}module.bucket["landing"].aws_s3_bucket.this',
    "type": "aws_s3_bucket",
    "values": {"bucket": "landing"},
}
ARTIFACTS = {**LANDING, "address": f"{PERMANENT}module.artifacts.aws_s3_bucket.this"}
SOURCE = {
    "address": f'{PERMANENT}aws_secretsmanager_secret.this["source"]',
    "type": "aws_secretsmanager_secret",
    "values": {"name": "source"},
}
DATABASE = {
    "address": "module.warehouse_database[0].aws_db_instance.this",
    "type": "aws_db_instance",
    "values": {"address": "db.example.com"},
}
PROTECTION = {"address": f"{PERMANENT}terraform_data.protection[0]", "type": "terraform_data", "values": {}}
REGISTRY = {
    "address": f"{EXPORTS}aws_dynamodb_table.registry",
    "type": "aws_dynamodb_table",
    "values": {"name": "registry"},
}


def test_what_holds_no_data_is_destroyed(cloud):
    cloud.create_bucket("landing")
    cloud.says["resources"] = [LANDING]

    assert cloud.make("destroy", "--yes") == 0

    assert cloud.calls() == [*FIRST, *LAST]


def test_batches_stop_it_before_anything_is_touched(cloud, capsys):
    cloud.create_bucket("landing")
    cloud.aws.client("s3").put_object(Bucket="landing", Key="a", Body=b"")
    cloud.says["resources"] = [LANDING]

    assert cloud.make("destroy", "--yes") == 1

    assert cloud.calls() == [*LOOK]
    assert "batches in s3://landing" in (shown := capsys.readouterr().out)
    assert "GIVE_UP=totesys-dev" in shown


def test_batches_that_were_only_marked_as_deleted_count(cloud):
    cloud.create_bucket("landing")
    s3 = cloud.aws.client("s3")
    s3.put_bucket_versioning(Bucket="landing", VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket="landing", Key="a", Body=b"")
    s3.delete_object(Bucket="landing", Key="a")
    cloud.says["resources"] = [LANDING]

    assert cloud.make("destroy", "--yes") == 1


def test_a_login_stops_it(cloud, capsys):
    cloud.aws.client("secretsmanager").create_secret(Name="source", SecretString="{}")
    cloud.says["resources"] = [SOURCE]

    assert cloud.make("destroy", "--yes") == 1
    assert "the login in the secret source" in capsys.readouterr().out


def test_a_warehouse_made_here_stops_it(cloud, capsys):
    cloud.says["resources"] = [DATABASE]

    assert cloud.make("destroy", "--yes", "--give-up", "totesys-prod") == 1
    assert "the warehouse on db.example.com" in capsys.readouterr().out


def test_data_goes_with_it_when_the_deployment_is_named_and_its_protection_is_lifted_first(cloud):
    cloud.says["resources"] = [DATABASE, PROTECTION]

    assert cloud.make("destroy", "--yes", "--give-up", "totesys-dev") == 0

    removed = "state rm module.permanent.terraform_data.protection[0]"
    assert cloud.calls() == [*FIRST, removed, *LAST]


def test_packages_are_no_data_and_neither_is_what_somebody_removed_by_hand(cloud):
    cloud.create_bucket("packages")
    cloud.aws.client("s3").put_object(Bucket="packages", Key="a", Body=b"")
    cloud.says["resources"] = [{**ARTIFACTS, "values": {"bucket": "packages"}}, LANDING, SOURCE]

    assert cloud.make("destroy", "--yes") == 0


def test_what_is_not_deployed_is_not_made_only_to_be_destroyed(cloud, capsys):
    assert cloud.make("destroy", "--yes") == 1

    assert cloud.calls() == [*LOOK]
    assert "is not deployed" in capsys.readouterr().out


def test_it_asks(cloud):
    cloud.says["resources"] = [SOURCE]

    assert cloud.converse("destroy", ("Destroy totesys-dev in account 123456789012?", "no"))[0] == 1

    assert cloud.calls() == [*LOOK]


def test_dropped_files_bad_rows_and_dead_letters_stop_it(cloud, capsys):
    sqs, s3 = cloud.aws.client("sqs"), cloud.aws.client("s3")
    queue = sqs.create_queue(QueueName="dead")["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="{}")
    for name in ("dropped", "rejected"):
        cloud.create_bucket(name)
        s3.put_object(Bucket=name, Key="a", Body=b"")
    cloud.says["resources"] = [
        {**LANDING, "address": f'{DROP}module.bucket["files"].aws_s3_bucket.this', "values": {"bucket": "dropped"}},
        {**LANDING, "address": f'{DROP}module.bucket["rejected"].aws_s3_bucket.this', "values": {"bucket": "rejected"}},
        {
            "address": f"{DROP}module.queue.aws_sqs_queue.dead_letters",
            "type": "aws_sqs_queue",
            "values": {"url": queue},
        },
    ]

    assert cloud.make("destroy", "--yes") == 1
    shown = capsys.readouterr().out
    assert "dropped files in s3://dropped; bad rows of dropped files in s3://rejected; 1 dead letters" in shown


def test_exports_their_changes_and_their_registry_stop_it(cloud, capsys):
    names = {"exports": "arrived", "changes": "computed", "refused": "set-aside"}
    for name in names.values():
        cloud.create_bucket(name)
        cloud.aws.client("s3").put_object(Bucket=name, Key="a", Body=b"")
    dynamodb = cloud.aws.client("dynamodb")
    dynamodb.create_table(TableName="registry", **DYNAMODB_TABLE)
    dynamodb.put_item(TableName="registry", Item={"series": {"S": "acme/orders"}, "item": {"S": "head"}})
    held = {f'{EXPORTS}module.bucket["{which}"].aws_s3_bucket.this': name for which, name in names.items()}
    cloud.says["resources"] = [
        *({**LANDING, "address": address, "values": {"bucket": name}} for address, name in held.items()),
        {
            "address": f"{EXPORTS}aws_dynamodb_table.registry",
            "type": "aws_dynamodb_table",
            "values": {"name": "registry"},
        },
    ]

    assert cloud.make("destroy", "--yes") == 1
    shown = capsys.readouterr().out
    assert "exports in s3://arrived; changes of exports in s3://computed" in shown
    assert "changes that the target refused in s3://set-aside; the registry of exports in registry" in shown


def test_records_and_the_ledger_stop_it_and_answers_of_queries_do_not(cloud, capsys):
    for name in ("raw", "results", "compared"):
        cloud.create_bucket(name)
        cloud.aws.client("s3").put_object(Bucket=name, Key="a", Body=b"")
    dynamodb = cloud.aws.client("dynamodb")
    dynamodb.create_table(TableName="delivered", **DYNAMODB_TABLE)
    dynamodb.put_item(TableName="delivered", Item={"series": {"S": "a"}, "item": {"S": "b"}})
    held = {f'{DELIVERY}module.bucket["{which}"].aws_s3_bucket.this': which for which in ("raw", "results")}
    held[f'{EXPORTS}module.bucket["compared"].aws_s3_bucket.this'] = "compared"
    ledger = f"{DELIVERY}aws_dynamodb_table.ledger"
    cloud.says["resources"] = [
        *({**LANDING, "address": address, "values": {"bucket": name}} for address, name in held.items()),
        {"address": ledger, "type": "aws_dynamodb_table", "values": {"name": "delivered"}},
    ]

    assert cloud.make("destroy", "--yes") == 1
    shown = capsys.readouterr().out
    assert "lost: records in s3://raw; the ledger of delivered records in delivered." in shown


def test_an_empty_registry_is_no_data(cloud):
    cloud.aws.client("dynamodb").create_table(TableName="registry", **DYNAMODB_TABLE)
    cloud.says["resources"] = [REGISTRY]

    assert cloud.make("destroy", "--yes") == 0


@pytest.mark.parametrize(("named", "left"), [(ROLE, ""), (ANOTHER, ANOTHER)])
def test_the_accounts_role_for_the_logs_of_apis_goes_if_it_is_the_deployments(cloud, named, left):
    gateway = cloud.aws.client("apigateway")
    gateway.update_account(patchOperations=[{"op": "replace", "path": "/cloudwatchRoleArn", "value": named}])
    address = f"{DELIVERY}aws_api_gateway_account.this[0]"
    cloud.says["resources"] = [
        {"address": address, "type": "aws_api_gateway_account", "values": {"cloudwatch_role_arn": ROLE}}
    ]

    assert cloud.make("destroy", "--yes") == 0

    assert gateway.get_account()["cloudwatchRoleArn"] == left
