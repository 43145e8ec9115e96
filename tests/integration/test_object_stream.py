"""Reading an object in blocks: the content that the event named, also over connections that break."""

import boto3
import pytest
from botocore.config import Config

from tests.range_server import ETAG, range_server, repeated
from utils.errors import ObjectChangedError, ObjectMissingError, ObjectStoreUnavailableError
from utils.s3_store import S3Store

TEXT = bytes(range(256)) * 4 + b"odd"
SIZE = 3_000_000


def store_at(address):
    config = Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"})
    return S3Store("bucket", client=boto3.client("s3", endpoint_url=address, config=config))


def expected():
    return (TEXT * (SIZE // len(TEXT) + 1))[:SIZE]


def test_an_object_is_read_in_blocks_of_flat_size():
    with range_server(SIZE, repeated(TEXT)) as served:
        blocks = list(store_at(served.address).read_blocks("key", etag=ETAG.strip('"')))

    assert b"".join(blocks) == expected()
    assert max(map(len, blocks)) <= 1 << 20


def test_a_connection_that_breaks_in_the_middle_is_taken_up_where_it_broke():
    with range_server(SIZE, repeated(TEXT), break_after=700_001) as served:
        found = b"".join(store_at(served.address).read_blocks("key"))

    assert found == expected()
    assert len(served.offsets) == 5
    assert served.offsets[0] == 0 < served.offsets[1]


def test_a_connection_that_never_brings_a_byte_is_given_up():
    with range_server(SIZE, repeated(TEXT), break_after=0) as served:
        with pytest.raises(ObjectStoreUnavailableError):
            list(store_at(served.address).read_blocks("key"))

    assert len(served.offsets) == 5


@pytest.fixture
def versioned(bucket, monkeypatch):
    for name, value in bucket.environment.items():
        monkeypatch.setenv(name, value)
    store = S3Store(bucket.url.removeprefix("s3://"))
    boto3.client("s3").put_bucket_versioning(Bucket=store.bucket, VersioningConfiguration={"Status": "Enabled"})
    return store


def test_the_named_version_is_read_though_a_newer_one_is_there(versioned):
    versioned.put("a", b"old")
    old = versioned.stat("a")
    versioned.put("a", b"new")

    assert b"".join(versioned.read_blocks("a", old.version, old.etag)) == b"old"


def test_an_etag_that_is_no_longer_the_keys_is_an_error_with_that_name(versioned):
    versioned.put("a", b"old")
    etag = versioned.stat("a").etag
    versioned.put("a", b"new")

    with pytest.raises(ObjectChangedError, match="overwritten"):
        list(versioned.read_blocks("a", etag=etag))


@pytest.mark.parametrize("version", ["", "no-such-version"])
def test_an_object_that_is_gone_is_named(versioned, version):
    with pytest.raises(ObjectMissingError):
        list(versioned.read_blocks("gone", version))


def test_an_empty_object_has_no_blocks(versioned):
    versioned.put("empty", b"")

    assert list(versioned.read_blocks("empty")) == []
