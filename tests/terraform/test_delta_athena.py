"""The delta's Athena by boto3, against one that runs SQL over the objects of its buckets."""

import duckdb
import pytest

from local.sandbox.spec import REGION
from tests.delta_fakes import ports, received, task
from tests.emulator import emulator, why_not
from tests.exports import table
from transformation.delta.athena import AthenaByBoto
from transformation.delta.pipeline import publish_delta
from utils.deadline import no_deadline
from utils.errors import ConfigurationError, ServiceUnavailableError
from utils.export_table import Format
from utils.s3_store import S3Store

pytestmark = pytest.mark.timeout(120)
TABLE = table(format=Format.PARQUET, engine="athena")
HERE = {"LocationConstraint": REGION}
ROWS = "SELECT CAST(i AS VARCHAR) AS id, i % 7 AS kind, CASE WHEN i % 3 > 0 THEN DATE '2026-11-21' END AS \"Day\""


@pytest.fixture(scope="module")
def aws(tmp_path_factory):
    if why := why_not():
        pytest.skip(f"The second emulator is not tested: {why}.")
    with emulator(tmp_path_factory.mktemp("emulator")) as found:
        found.client("glue").create_database(DatabaseInput={"Name": "comparisons"})
        found.client("s3").create_bucket(Bucket="answers", CreateBucketConfiguration=HERE)
        results = {"ResultConfiguration": {"OutputLocation": "s3://answers/"}}
        found.client("athena").create_work_group(Name="delta", Configuration=results)
        yield found


@pytest.fixture
def made(aws, tmp_path):
    s3, stores = aws.client("s3"), {}
    for name in ("exports", "changes", "compared"):
        bucket = f"{name}-{tmp_path.name.replace('_', '-')}"
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=HERE)
        stores[name] = S3Store(bucket, client=s3)
    found = AthenaByBoto("comparisons", "delta", aws.client("athena"), aws.client("glue"))
    return ports(tmp_path, TABLE, athena=found, **stores)


def land(made, version, rows):
    path = made.scratch / version
    duckdb.execute(f"COPY ({rows}) TO '{path}' (FORMAT parquet)")
    made.exports.put(f"acme/orders/{version}/part.parquet", path.read_bytes())


def test_what_changed_is_published_and_nothing_is_left_behind(aws, made):
    land(made, "v1", f"{ROWS} FROM range(100) AS t(i)")
    land(made, "v2", f"{ROWS} FROM range(1, 101) AS t(i)")

    answer = publish_delta(task("v2", 2, "v1"), made, no_deadline)

    assert answer["counts"] == {**answer["counts"], "inserted": 1, "deleted": 1, "unchanged": 99, "published": 2}
    assert received(made)[0].before == {"id": "0", "kind": "0", "Day": None}
    assert [item.key.rpartition("/")[2] for item in made.changes.list("")] == ["changes.jsonl", "delta.json"]
    assert list(made.compared.list("")) == []
    assert aws.client("glue").get_tables(DatabaseName="comparisons")["TableList"] == []


def test_no_change_at_all_unloads_no_row(made):
    for version in ("v1", "v2"):
        land(made, version, f"{ROWS} FROM range(9) AS t(i)")

    assert publish_delta(task("v2", 2, "v1"), made, no_deadline)["counts"]["unchanged"] == 9


def test_a_query_that_somebody_cancelled_may_be_asked_again(made):
    query = made.athena.start("SELECT count(*) AS n FROM range(2000000000) AS t(i)")
    made.athena.stop(query)

    progress = made.athena.progress(query)

    assert (progress.done, progress.passing, progress.failure) == (True, True, "Query was cancelled by user")


def test_a_query_that_fails_tells_why(made):
    query = made.athena.start('SELECT nothing FROM "comparisons"."no_table"')
    while not (progress := made.athena.progress(query)).done:
        made.pause(0)

    assert "no_table" in progress.failure
    assert not progress.passing


def test_a_database_that_does_not_exist_is_named(aws):
    lost = AthenaByBoto("nowhere", "delta", aws.client("athena"), aws.client("glue"))

    with pytest.raises(ConfigurationError, match=r"nowhere .*correct ATHENA_WORKGROUP and ATHENA_DATABASE"):
        lost.create_table("t", {"id": "string"}, "s3://exports/acme/")


def test_an_athena_that_cannot_be_reached_may_be_later(made, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")

    with pytest.raises(ServiceUnavailableError, match="cannot be reached"):
        AthenaByBoto.open("comparisons", "delta").progress("id")


def test_a_table_is_made_and_dropped_twice_without_harm(made):
    for _ in range(2):
        made.athena.create_table("again", {"id": "string"}, "s3://exports/acme/")
    for _ in range(2):
        made.athena.drop_table("again")
