"""The delta Lambda with the registry that gave it its claim, and an emulated stream."""

import os

import boto3
import pytest
from moto import mock_aws

from extraction.exports.pipeline import acquire_lock, register_version
from extraction.exports.ports import Request
from extraction.exports.wiring import open_ports
from transformation.delta.handler import lambda_handler
from transformation.delta.kinesis import KinesisStream
from transformation.delta.wiring import Config
from transformation.delta.wiring import open_ports as delta_ports
from utils.errors import LockLostError
from utils.export_table import ExportVersion
from utils.registry.claim import LEASE_SECONDS, SKEW_SECONDS, Claim

DECLARATION = 'key = ["id"]\ntarget = "shop.orders"\n'
REQUEST = Request(ExportVersion("acme", "orders", "v1"), "execution")


class Patient:
    """A Lambda's context with time enough."""

    def get_remaining_time_in_millis(self):
        return 900_000


@pytest.fixture
def registry(tmp_path, monkeypatch):
    places = {name.upper(): str(tmp_path / name) for name in ("project", "exports", "changes", "registry")}
    for name, value in {**places, "STREAM": "changes"}.items():
        monkeypatch.setenv(name, value)
    for path, text in (("project/exports/orders.toml", DECLARATION), ("exports/acme/orders/v1/a.csv", "id\n1\n2\n")):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(text)
    return open_ports(tmp_path / "project", places["EXPORTS"], places["REGISTRY"])


@pytest.fixture
def stream():
    with mock_aws():
        client = boto3.client("kinesis")
        client.create_stream(StreamName="changes", ShardCount=1)
        yield client


def claimed(registry):
    register_version(REQUEST, registry)
    return acquire_lock(REQUEST, registry)


def in_stream(client):
    (shard,) = client.list_shards(StreamName="changes")["Shards"]
    place = {"StreamName": "changes", "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
    return client.get_records(ShardIterator=client.get_shard_iterator(**place)["ShardIterator"])["Records"]


def test_a_claimed_version_is_published_and_the_registry_knows_how_far(registry, stream):
    answer = lambda_handler({"claim": claimed(registry), "request": {"version": "v1"}}, Patient())

    assert answer["more"] is False
    assert answer["counts"]["inserted"] == answer["counts"]["published"] == len(in_stream(stream)) == 2
    assert registry.registry.entry("acme/orders", "v1").published == 2


def test_a_second_attempt_publishes_nothing_twice(registry, stream):
    event = {"claim": claimed(registry), "request": {"version": "v1"}}

    answers = [lambda_handler(event, Patient()) for _ in range(2)]

    assert answers[0] == answers[1]
    assert len(in_stream(stream)) == 2


def test_an_owner_whose_lock_was_taken_over_publishes_nothing(registry, stream):
    late = claimed(registry)
    later = type(registry)(
        registry.tables, registry.exports, registry.registry, lambda: registry.now() + LEASE_SECONDS + SKEW_SECONDS + 1
    )
    acquire_lock(Request(REQUEST.version, "successor"), later)

    with pytest.raises(LockLostError):
        lambda_handler({"claim": late, "request": {"version": "v1"}}, Patient())

    assert in_stream(stream) == []


@pytest.mark.parametrize(("named", "place"), [({}, "changes"), ({"COMPARED": "compared"}, "compared")])
def test_what_athena_writes_lies_beside_the_changes_unless_a_place_of_its_own_is_named(
    registry, tmp_path, named, place
):
    claim = Claim.from_message(claimed(registry))
    config = Config.from_env({**os.environ, **{name: str(tmp_path / folder) for name, folder in named.items()}})

    assert delta_ports(config, claim, KinesisStream.open("changes")).compared.root == tmp_path / place
