"""`make secrets`: two logins, asked for without echo."""

import json

import pytest

pytestmark = [pytest.mark.timeout(600), pytest.mark.usefixtures("has_state")]
PASSWORD = "s3cret-of-a-person"
ASKED = ("host", "port", "database", "user", "sslmode", "sslrootcert", "password")


@pytest.fixture(autouse=True)
def empty_secrets(cloud):
    cloud.says["outputs"]["state_machine_arn"] = "arn:aws:states:eu-west-2:123456789012:stateMachine:warehouse"
    for kind in ("source", "warehouse"):
        cloud.aws.client("secretsmanager").create_secret(Name=kind)
        cloud.says["outputs"][f"{kind}_secret_name"] = kind


def converse(cloud, source, warehouse):
    return cloud.converse("secrets", *zip(ASKED * 2, [*source, *warehouse], strict=True))


def secret(cloud, name):
    return json.loads(cloud.aws.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"])


def test_both_logins_are_put_and_no_password_shows(cloud):
    source = ["db.example.com", "", "shop", "reader", "", "", PASSWORD]
    warehouse = ["dw.example.com", "5433", "warehouse", "loader", "", "projects/totesys/rds.pem", "another one"]

    code, shown = converse(cloud, source, warehouse)

    assert code == 0, shown
    assert PASSWORD not in shown
    assert secret(cloud, "source") == {
        "host": "db.example.com",
        "port": 5432,
        "dbname": "shop",
        "username": "reader",
        "sslmode": "verify-full",
        "password": PASSWORD,
    }
    assert secret(cloud, "warehouse")["sslrootcert"] == "projects/totesys/rds.pem"


def test_a_password_is_rotated_without_answering_the_rest_again(cloud):
    first = ["db.example.com", "", "shop", "reader", "", "", "old"]
    converse(cloud, first, first)

    code, _ = converse(cloud, ["", "", "", "", "", "", PASSWORD], [""] * 7)

    assert code == 0
    assert secret(cloud, "source") == {**secret(cloud, "warehouse"), "password": PASSWORD}
    assert secret(cloud, "warehouse")["password"] == "old"


def test_a_connection_that_is_not_verified_is_refused(cloud):
    source = ["db.example.com", "", "shop", "reader", "disable"]

    code, shown = cloud.converse("secrets", *zip(ASKED, source, strict=False), ("verify-full or verify-ca", "\x03"))

    assert code == 130, shown


def test_where_files_are_dropped_their_databases_login_is_asked_for_alone(cloud):
    cloud.aws.client("secretsmanager").create_secret(Name="files")
    cloud.says["outputs"] = {"files": "s3://dropped", "files_secret_name": "files", "source_secret_name": "source"}
    given = ["dw.example.com", "", "readings", "loader", "", "", PASSWORD]

    code, shown = cloud.converse("secrets", *zip(ASKED, given, strict=True))

    assert code == 0, shown
    assert secret(cloud, "files")["dbname"] == "readings"
    assert "Next: aws s3 cp FILE s3://dropped/TABLE/" in shown


def test_the_database_of_exports_is_asked_for_where_exports_alone_are_deployed(cloud):
    cloud.aws.client("secretsmanager").create_secret(Name="exports")
    cloud.says["outputs"] = {"exports": "s3://arrived", "exports_secret_name": "exports"}
    given = ["db.example.com", "", "shop", "applier", "", "", PASSWORD]

    code, shown = cloud.converse("secrets", *zip(ASKED, given, strict=True))

    assert code == 0
    assert secret(cloud, "exports")["username"] == "applier"
    assert "aws s3 cp FILE s3://arrived/TENANT/TABLE/VERSION/" in shown


ENDPOINT = ("URL", "header", "its value")


def deploy_delivery(cloud):
    cloud.aws.client("secretsmanager").create_secret(Name="endpoint")
    cloud.says["outputs"] = {"delivery_api": "https://api.example.com/v1", "endpoint_secret_name": "endpoint"}


def test_the_endpoint_is_asked_for_where_delivery_alone_is_deployed(cloud):
    deploy_delivery(cloud)
    given = ["https://taker.example.com/in", "x-door", PASSWORD]

    code, shown = cloud.converse("secrets", *zip(ENDPOINT, given, strict=True))

    assert code == 0, shown
    assert PASSWORD not in shown
    assert 'Next: curl -X POST https://api.example.com/v1/ingest -H "x-api-key: $KEY" -d @records.json' in shown
    held = {"url": "https://taker.example.com/in", "header_name": "x-door", "header_value": PASSWORD}
    assert secret(cloud, "endpoint") == held


def test_an_endpoint_without_tls_is_asked_for_again(cloud):
    deploy_delivery(cloud)

    code, shown = cloud.converse(
        "secrets",
        ("URL", "http://taker.example.com/in"),
        ("such as https", "https://taker.example.com/in"),
        ("header", ""),
        ("its value", PASSWORD),
    )

    assert code == 0, shown
    assert secret(cloud, "endpoint")["header_name"] == "Authorization"
