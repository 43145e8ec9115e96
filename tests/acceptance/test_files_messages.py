"""The file drop's function, given messages as SQS hands them on: loaded, left for a retry, or put aside."""

import json
from urllib.parse import quote_plus

import boto3
import pytest

from load.files.handler import lambda_handler
from tests.file_drops import READINGS, Drop, csv
from utils.postgres.url import parse_url

MAX_RECEIVES = 3


class Context:
    aws_request_id = "r1"

    def get_remaining_time_in_millis(self):
        return 300_000


class Queue:
    """A bucket, the messages that tell of its objects, and the queue where messages end that nothing helps."""

    def __init__(self, drop, bucket):
        self.drop, self.name = drop, bucket.url.removeprefix("s3://")
        self.s3, self.sqs = boto3.client("s3"), boto3.client("sqs")
        self.dead = self.sqs.create_queue(QueueName=f"dead-{id(self)}")["QueueUrl"]
        self.count = 0

    def put(self, key, body, encode=quote_plus):
        reply = self.s3.put_object(Bucket=self.name, Key=key, Body=body.encode())
        self.count += 1
        found = {"key": encode(key), "size": len(body), "eTag": reply["ETag"].strip('"')}
        entity = {"bucket": {"name": self.name}, "object": {**found, "sequencer": f"00{self.count:04X}"}}
        return {"eventName": "ObjectCreated:Put", "s3": entity}

    def deliver(self, *bodies, receives=1):
        texts = [body if isinstance(body, str) else json.dumps({"Records": body}) for body in bodies]
        attributes = {"ApproximateReceiveCount": str(receives)}
        records = [{"messageId": f"m{n}", "body": text, "attributes": attributes} for n, text in enumerate(texts)]
        answer = lambda_handler({"Records": records}, Context())
        return [found["itemIdentifier"] for found in answer["batchItemFailures"]]

    def put_aside(self):
        found = self.sqs.receive_message(QueueUrl=self.dead, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
        return [
            {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
            for message in found.get("Messages", ())
        ]


@pytest.fixture
def queue(make_database, bucket, tmp_path, monkeypatch):
    drop = Drop(make_database(), tmp_path).declare(readings=READINGS)
    endpoint, url = bucket.environment["AWS_ENDPOINT_URL_S3"], parse_url(drop.url)
    for name, value in {**bucket.environment, "AWS_ENDPOINT_URL": endpoint}.items():
        monkeypatch.setenv(name, value)
    made = Queue(drop, bucket)
    secret = {"host": url.host, "port": url.port, "username": url.user, "password": "x", "dbname": url.database}
    name = f"target-{id(made)}"
    boto3.client("secretsmanager").create_secret(Name=name, SecretString=json.dumps({**secret, "sslmode": "disable"}))
    monkeypatch.setenv("PROJECT", str(tmp_path / "project"))
    monkeypatch.setenv("TARGET_SECRET", name)
    monkeypatch.setenv("QUARANTINE", f"{bucket.url}/quarantine")
    monkeypatch.setenv("DLQ_URL", made.dead)
    monkeypatch.setenv("MAX_RECEIVES", str(MAX_RECEIVES))
    return made


GOOD = csv((1, "a", 5), (2, "b", 5))


def test_a_poison_file_keeps_no_other_out(queue):
    bodies = [[queue.put(f"readings/{n}.csv", text)] for n, text in enumerate((GOOD, "id,modle\n1,a\n", GOOD))]

    assert queue.deliver("not JSON", *bodies) == ["m2"]
    assert len(queue.drop.rows()) == 4
    assert [found["error_type"] for found in queue.put_aside()] == ["UnroutableError"]


def test_at_its_last_receive_a_poison_file_is_put_aside_with_the_reason(queue, caplog):
    body = [queue.put("readings/bad.csv", "id,modle\n1,a\n")]

    left = [queue.deliver(body, receives=count) for count in (1, 2, 3)]

    assert left == [["m0"], ["m0"], []]
    (found,) = queue.put_aside()
    assert (found["error_type"], found["key"]) == ("FileRefusedError", "readings/bad.csv")
    assert "modle" in found["reason"]
    assert [record.message for record in caplog.records if record.levelname == "CRITICAL"] == ["message put aside"]


@pytest.mark.parametrize("key", ["loose.csv", "unknown/x.csv", "starlift/processed_files", "pg_catalog/x.csv"])
def test_a_file_without_a_table_is_put_aside_at_once_with_the_reason(queue, key):
    assert queue.deliver([queue.put(key, GOOD)]) == []

    (found,) = queue.put_aside()
    assert (found["error_type"], found["key"]) == ("UnroutableError", key)


MALFORMED = ["", "not JSON", "[]", "{}", "null", '{"Records": 1}', '{"Records": [{}]}', '{"Records": [{"s3": 1}]}']
MALFORMED += ["[" * 100_000, json.dumps({"Records": [{"eventName": "ObjectCreated:Put", "s3": {"object": None}}]})]

TOO_LARGE = '{"bucket": {"name": "b"}, "object": {"key": "readings/a.csv", "eTag": "e", "size": 1e999}}'
MALFORMED += ['{"Records": [{"eventName": "ObjectCreated:Put", "s3": ' + TOO_LARGE + "}]}"]


def test_a_message_that_is_not_of_s3_is_put_aside_at_once(queue):
    assert queue.deliver(*MALFORMED) == []
    assert {found["error_type"] for found in queue.put_aside()} == {"UnroutableError"}


def test_what_s3_sends_to_try_a_queue_and_tells_of_removals_is_harmless(queue):
    removed = {**queue.put("readings/a.csv", GOOD), "eventName": "ObjectRemoved:Delete"}

    assert queue.deliver('{"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"}', [removed], []) == []
    assert queue.put_aside() == []


@pytest.mark.parametrize("name", ["a+b c.csv", "ünï/日本.csv", "100%.csv", "a&b=c?.csv", "%2B.csv", "🚗.csv"])
def test_a_key_arrives_url_encoded_and_is_read_as_it_is(queue, name):
    assert queue.deliver([queue.put(f"readings/{name}", GOOD)]) == []

    assert queue.drop.ledger("key, outcome") == [[f"readings/{name}", "loaded"]]


def test_several_files_of_one_message_are_loaded_and_a_second_delivery_changes_nothing(queue):
    records = [queue.put(f"readings/{n}.csv", GOOD) for n in range(3)]

    assert [queue.deliver(records + records[:1], receives=count) for count in (1, 2)] == [[], []]
    assert len(queue.drop.rows()) == 6


def test_rejected_rows_are_in_the_quarantine_bucket_when_the_file_is_loaded(queue):
    queue.deliver([queue.put("readings/a.csv", csv((1, "a", 5), ("", "b", 5)))])

    (url,) = queue.drop.ledger("quarantine")[0]
    body = queue.s3.get_object(Bucket=queue.name, Key=url.removeprefix(f"s3://{queue.name}/"))["Body"].read()
    assert json.loads(body)["line"] == 3


def test_what_only_a_person_can_mend_is_left_for_its_retries_too(queue):
    bodies = [[queue.put(f"readings/{n}.csv", GOOD)] for n in range(2)]
    queue.drop.ask("CREATE VIEW public.readings AS SELECT 1 AS id")

    assert queue.deliver(*bodies) == ["m0", "m1"]
    assert queue.put_aside() == []


def test_without_time_left_a_message_is_left_untouched(queue, monkeypatch):
    monkeypatch.setattr(Context, "get_remaining_time_in_millis", lambda _self: 1000)

    assert queue.deliver([queue.put("readings/a.csv", GOOD)], receives=MAX_RECEIVES) == ["m0"]
    assert queue.put_aside() == []


def test_a_dead_letter_queue_that_is_away_leaves_the_message_to_the_queues_own_redrive(queue, monkeypatch):
    monkeypatch.setenv("DLQ_URL", f"{queue.dead}-gone")

    assert queue.deliver([queue.put("loose.csv", GOOD)]) == ["m0"]
