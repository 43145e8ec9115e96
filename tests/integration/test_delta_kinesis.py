"""The delta's stream on an emulated Kinesis that throttles, fails, or is not there."""

import itertools

import boto3
import pytest
from moto import mock_aws

from tests.delta_fakes import land, ports, task
from transformation.delta.kinesis import KinesisStream
from transformation.delta.pipeline import publish_delta
from transformation.delta.ports import Record
from utils.changes import read_record
from utils.deadline import no_deadline
from utils.errors import AccessDeniedError, ConfigurationError, ServiceUnavailableError


def many(count):
    return "id,name\n" + "".join(f"{number:05d},x\n" for number in range(count))


@pytest.fixture
def kinesis():
    with mock_aws():
        client = boto3.client("kinesis")
        client.create_stream(StreamName="changes", ShardCount=2)
        yield client


def in_stream(client):
    shards = client.list_shards(StreamName="changes")["Shards"]
    for shard in shards:
        start = {"StreamName": "changes", "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        found = client.get_records(ShardIterator=client.get_shard_iterator(**start)["ShardIterator"])
        yield [record["Data"] for record in found["Records"]]


class Throttle:
    """Answers put_records at the client's edge as a stream that is too small does."""

    def __init__(self, client, failures):
        self.calls = itertools.count(1)
        self.failures = failures
        client.meta.events.register("before-parameter-build.kinesis.PutRecords", self.hold_back)
        client.meta.events.register("after-call.kinesis.PutRecords", self.answer)
        self.held = []

    def hold_back(self, params, **_):
        self.held.append([])
        if next(self.calls) <= self.failures:
            self.held[-1] = params["Records"][1::2]
            params["Records"] = params["Records"][::2]

    def answer(self, parsed, **_):
        refused = {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "slow down"}
        taken = parsed["Records"]
        if self.held[-1]:
            pairs = itertools.zip_longest(taken, [refused] * len(self.held[-1]))
            parsed["Records"] = [record for pair in pairs for record in pair if record]


def test_every_change_gets_into_a_throttled_stream_once(tmp_path, kinesis):
    Throttle(kinesis, failures=3)
    made = ports(tmp_path, stream=KinesisStream("changes", kinesis))
    land(made, "v1", many(400))

    publish_delta(task(), made, no_deadline)

    shards = [[read_record(data, made.changes).sequence for data in shard] for shard in in_stream(kinesis)]
    assert sorted(itertools.chain(*shards)) == list(range(1, 401))
    assert all(len(shard) > 100 for shard in shards)


def test_a_stream_that_is_not_there_is_a_configuration_error():
    with mock_aws(), pytest.raises(ConfigurationError, match="nowhere cannot be used"):
        KinesisStream.open("nowhere").put([Record(b"x", "key")])


def _fail(client, status, code):
    from botocore.awsrequest import AWSResponse

    class Raw:
        def stream(self, **_):
            yield f'{{"__type": "{code}", "message": "no"}}'.encode()

    def answer(request, **_):
        return AWSResponse(request.url, status, {"Content-Type": "application/x-amz-json-1.1"}, Raw())

    client.meta.events.register_first("before-send.kinesis.PutRecords", answer)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "ProvisionedThroughputExceededException", ServiceUnavailableError),
        (500, "InternalFailure", ServiceUnavailableError),
        (400, "AccessDeniedException", AccessDeniedError),
    ],
)
def test_a_call_that_fails_whole_is_named(kinesis, status, code, kind):
    _fail(kinesis, status, code)

    with pytest.raises(kind):
        KinesisStream("changes", kinesis).put([Record(b"x", "key")])
