"""One contract, run against the folder and the (emulated) bucket alike."""

import hashlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from utils import s3_store
from utils.errors import (
    AccessDeniedError,
    ConfigurationError,
    IntegrityError,
    ObjectExistsError,
    ObjectMissingError,
    ObjectStoreUnavailableError,
    ResourceExhaustedError,
)
from utils.folder_store import FolderStore
from utils.open_store import below, open_store
from utils.s3_store import S3Store
from utils.store import DataFile, fetch_checked, file_blocks


class SourceDiedError(Exception):
    """The rows' source failed in the middle."""


@pytest.fixture(params=["folder", "bucket", "bucket prefix"])
def store(request, tmp_path):
    if request.param == "folder":
        yield FolderStore(tmp_path / "store")
        return
    with mock_aws():
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="lift-store")
        yield S3Store("lift-store", "some/prefix" if "prefix" in request.param else "")


def test_what_was_written_is_read_back_with_its_size_and_checksum(store):
    written = store.write("t/a.csv", [b"one,", b"two\n"])

    assert store.read("t/a.csv") == b"one,two\n"
    assert (written.bytes, written.sha256) == (8, hashlib.sha256(b"one,two\n").hexdigest())


def test_a_large_object_goes_up_in_parts_and_comes_back_whole(store, tmp_path, monkeypatch):
    monkeypatch.setattr(s3_store, "PART_BYTES", 5 << 20)
    blocks = [os.urandom(1 << 20) for _ in range(12)]

    written = store.write("large", blocks)

    assert store.fetch("large", tmp_path).read_bytes() == b"".join(blocks)
    assert written.sha256 == hashlib.sha256(b"".join(blocks)).hexdigest()


def test_an_object_whose_source_fails_never_exists(store, monkeypatch):
    monkeypatch.setattr(s3_store, "PART_BYTES", 5 << 20)

    def blocks():
        for _ in range(12):
            yield bytes(1 << 20)
        raise SourceDiedError

    with pytest.raises(SourceDiedError):
        store.write("half", blocks())

    assert not store.exists("half")
    assert list(store.list("")) == []


def test_of_many_creating_one_object_one_wins(store):
    gate, wins = threading.Barrier(8), []

    def create(number):
        gate.wait(10)
        try:
            store.create("_log/1", str(number).encode())
        except ObjectExistsError:
            return
        wins.append(number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(create, range(8)))

    assert [store.read("_log/1")] == [str(number).encode() for number in wins]


def test_put_replaces_a_small_object(store):
    store.put("hint", b"1")
    store.put("hint", b"2")

    assert store.read("hint") == b"2"


def test_keys_lists_a_prefix_in_order_and_nothing_else(store):
    for key in ("t/2", "t/1", "other/1", "t1"):
        store.put(key, b"")

    assert [found.key for found in store.list("t/")] == ["t/1", "t/2"]


def test_a_missing_object_is_named(store, tmp_path):
    assert not store.exists("nowhere")
    for read in (store.read, lambda key: store.fetch(key, tmp_path)):
        with pytest.raises(ObjectMissingError, match="nowhere"):
            read("nowhere")


def test_an_altered_file_is_refused(store, tmp_path):
    written = store.write("a.csv", [b"true"])
    store.put("a.csv", b"false")

    with pytest.raises(IntegrityError, match=r"a\.csv"):
        fetch_checked(store, DataFile("a.csv", 1, written.bytes, written.sha256), tmp_path)


def test_a_sound_file_is_fetched(store, tmp_path):
    written = store.write("a.csv", [b"true"])

    path = fetch_checked(store, DataFile("a.csv", 1, written.bytes, written.sha256), tmp_path)

    assert b"".join(file_blocks(path)) == b"true"


def test_a_missing_bucket_is_named():
    with mock_aws(), pytest.raises(ConfigurationError, match="bucket of s3://nowhere"):
        S3Store("nowhere").put("a", b"")


def test_a_key_cannot_lead_out_of_the_folder(tmp_path):
    with pytest.raises(ConfigurationError, match="leads out"):
        FolderStore(tmp_path / "store").put("../outside", b"")


def test_a_full_disk_is_named(tmp_path):
    def blocks():
        raise OSError(28, "No space left on device")
        yield b""

    with pytest.raises(ResourceExhaustedError, match="No room left"):
        FolderStore(tmp_path).write("a", blocks())


def test_a_folder_that_cannot_be_used_is_named(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(Exception, match="file") as refusal:
        FolderStore(tmp_path / "file").put("a", b"")

    assert type(refusal.value).__module__ == "utils.errors"


@pytest.mark.parametrize(
    ("url", "kind"), [("s3://b/p", S3Store), ("/tmp/somewhere", FolderStore), ("here", FolderStore)]
)
def test_a_stores_name_says_what_it_is(url, kind):
    assert isinstance(open_store(below(url, "landing")), kind)


def test_a_pair_of_buckets_names_the_halves_of_one_store():
    pair = "s3://shop-dev-landing,s3://shop-dev-processed"

    assert [below(pair, half) for half in ("landing", "processed")] == pair.split(",")


@pytest.mark.parametrize("url", ["s3://a,s3://a", "s3://a,b", "s3://a, s3://b", "s3://a,s3://b,s3://c"])
def test_a_pair_that_is_none_is_refused(url):
    with pytest.raises(ConfigurationError, match="two names"):
        below(url, "landing")


@pytest.mark.parametrize("url", ["", "gs://bucket", "http://host/x"])
def test_a_name_that_is_no_store_is_refused(url):
    with pytest.raises(ConfigurationError):
        open_store(url)


@pytest.mark.parametrize(("code", "status"), [("502", 502), ("SlowDownWrite", 503), ("TooManyRequests", 429)])
def test_an_answer_that_may_be_better_later_is_worth_a_retry_whatever_its_code(code, status):
    client = boto3.client("s3", region_name="us-east-1")
    with Stubber(client) as s3:
        s3.add_client_error("put_object", service_error_code=code, http_status_code=status)

        with pytest.raises(ObjectStoreUnavailableError, match=code):
            S3Store("b", client=client).create("a", b"")


def test_a_refusal_of_s3_is_access_denied(monkeypatch):
    class Refusing:
        def get_object(self, **_where):
            raise s3_store.ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetObject")

    with pytest.raises(AccessDeniedError, match="s3://b/a"):
        S3Store("b", client=Refusing()).read("a")
