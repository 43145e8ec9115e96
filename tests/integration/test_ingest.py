import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import boto3
import pytest
from moto import mock_aws

from extraction.api.refusal import RefusedError
from tests.fakes import Crash, Fuse, FusedStore
from tests.ingest_factories import HOUR, NOON, ids, post, reading, stored, without_origin
from utils.errors import ObjectStoreUnavailableError
from utils.folder_store import FolderStore
from utils.s3_store import S3Store

MINUTE = timedelta(minutes=1)
SIX_HOURS = [reading(NOON - n * HOUR, rawHumidity=n) for n in range(6)]
MIXED = [*SIX_HOURS, reading(None)]  # the last one gets the time of receipt


@pytest.fixture(scope="module")
def s3():
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="lift-raw")
        yield client


@pytest.fixture(params=["folder", "bucket"])
def store(request, tmp_path, s3):
    return FolderStore(tmp_path / "raw") if request.param == "folder" else S3Store("lift-raw", tmp_path.name, s3)


def test_records_of_one_post_share_an_object_an_hour_each_under_its_own_hour_in_utc(store):
    late = reading(NOON, timestamp="2024-05-17T01:30:00+02:00")

    answer = post(store, [reading(), reading(NOON + MINUTE), late])

    folders = [key.rpartition("/")[0] for key in answer.keys]
    assert folders == ["raw/year=2024/month=05/day=17/hour=12", "raw/year=2024/month=05/day=16/hour=23"]
    assert (answer.count, answer.new, len(stored(store))) == (3, 3, 3)


def test_a_stored_record_says_its_fields_its_id_and_its_object(store):
    (key,) = post(store, reading()).keys

    (record,) = stored(store)

    assert without_origin(record) == {**reading(), "timestamp": "2024-05-17T12:30:00.000000000Z"}
    assert record["objectKey"] == key
    assert len(record["id"]) == 36


def test_a_record_without_timestamp_gets_the_time_of_receipt(store):
    post(store, reading(None), NOON + HOUR)

    assert stored(store)[0]["timestamp"] == "2024-05-17T13:30:00.000000000Z"


@pytest.mark.parametrize("key", [None, "k-1"])
@pytest.mark.parametrize("body", [SIX_HOURS, MIXED])
def test_a_repeated_post_stores_nothing_new(store, body, key):
    first = post(store, body, key=key)

    again = post(store, body, NOON + MINUTE, key=key)

    assert (again.keys, again.count, again.new) == (first.keys, len(body), 0)
    assert len(stored(store)) == len(body)


def test_the_same_content_spaced_and_zoned_otherwise_is_a_repeat(store):
    first = post(store, reading())
    same = json.dumps(reading(NOON, timestamp="2024-05-17T14:30:00.0+02:00", rawHumidity=40), indent=3)

    again = post(store, same)

    assert (again.keys, again.new) == (first.keys, 0)


def test_a_reading_in_two_different_posts_has_one_id(store):
    post(store, [reading(), reading(NOON + MINUTE)])
    post(store, reading())

    assert len(ids(store)) == 3
    assert len(set(ids(store))) == 2


def test_equal_readings_of_one_post_are_one_unless_a_key_or_the_receipt_tells_them_apart(store):
    one, two, also_two = (
        post(store, [reading()] * 2),
        post(store, [reading()] * 2, key="k-1"),
        post(store, [reading(None)] * 2),
    )

    assert (one.count, one.new, two.new, also_two.new) == (2, 1, 2, 2)
    assert len(set(ids(store))) == 5


def test_an_idempotency_key_keeps_the_hour_of_its_first_post(store):
    post(store, reading(None), key="k-1")

    assert post(store, reading(None), NOON + 5 * HOUR, key="k-1").new == 0


def test_an_idempotency_key_cannot_come_to_stand_for_other_records(store):
    post(store, reading(), key="k-1")

    with pytest.raises(RefusedError) as refused:
        post(store, reading(rawHumidity=41), key="k-1")

    assert refused.value.status == 409
    assert len(stored(store)) == 1


def test_an_idempotency_key_is_its_senders_own(store):
    post(store, reading(), key="k-1", sender="caller-1")

    assert post(store, reading(rawHumidity=41), key="k-1", sender="caller-2").new == 1


def test_an_idempotency_key_whose_receipt_was_cleared_away_hides_no_other_records(store):
    post(store, reading(), key="k-1")
    for receipt in store.list("receipts/"):
        store.delete(receipt.key)

    assert post(store, reading(rawHumidity=41), key="k-1").new == 1


def test_an_idempotency_key_older_than_a_reading_may_be_is_refused(store):
    post(store, reading(None), key="k-1")

    with pytest.raises(RefusedError, match="nothing was stored") as refused:
        post(store, reading(None), NOON + 25 * HOUR, key="k-1")

    assert "too long ago" in refused.value.reasons[0].reason


@pytest.mark.parametrize(("seconds", "new"), [(1, 0), (60, 0), (61, 1), (600, 1)])
def test_without_timestamp_and_key_the_same_content_is_a_repeat_for_a_minute(store, seconds, new):
    for start in (NOON, NOON + timedelta(seconds=47)):  # windows begin at whole minutes; a repeat must not care
        post(store, reading(None, sensorId=str(start)), start)

        again = post(store, reading(None, sensorId=str(start)), start + timedelta(seconds=seconds))

        assert again.new == new


def test_one_wrong_record_keeps_the_whole_post_out(store):
    with pytest.raises(RefusedError):
        post(store, [*SIX_HOURS, reading(rawHumidity=101)], key="k-1")

    assert list(store.list("")) == []


def test_a_post_that_needs_too_many_objects_is_refused_before_any_is_stored(store, monkeypatch):
    monkeypatch.setattr("extraction.api.filing.MAX_HOURS", 5)

    with pytest.raises(RefusedError) as refused:
        post(store, SIX_HOURS, key="k-1")

    assert "more than 5 hours" in refused.value.reasons[0].reason
    assert list(store.list("")) == []


def steps_of_a_clean_post(tmp_path, key):
    fuse = Fuse()
    post(FusedStore(tmp_path / "clean", fuse), MIXED, key=key)
    return fuse.steps


@pytest.mark.parametrize("key", [None, "k-1"])
def test_a_post_killed_at_any_step_and_sent_again_is_stored_whole_and_once(tmp_path, key):
    steps = steps_of_a_clean_post(tmp_path, key)
    for step in range(1, steps + 1):
        store = FolderStore(tmp_path / str(step))
        with pytest.raises(Crash):
            post(FusedStore(store.root, Fuse(step)), MIXED, key=key)

        post(store, MIXED, NOON + MINUTE, key=key)

        assert len(stored(store)) == len(set(ids(store))) == len(MIXED)
    assert steps == 2 * 7  # six objects and a receipt, before and after each


def test_one_post_sent_by_many_at_once_is_stored_once(store):
    together = threading.Barrier(6)

    def send(_):
        together.wait(20)
        return post(store, MIXED, key="k-1")

    with ThreadPoolExecutor(6) as senders:
        answers = list(senders.map(send, range(6)))

    assert sum(answer.new for answer in answers) == len(MIXED)
    assert len({answer.keys for answer in answers}) == 1
    assert len(stored(store)) == len(MIXED)


def test_writers_are_bounded(tmp_path):
    seen = set()

    class Watched(FolderStore):
        def create(self, key, body):
            seen.add(threading.get_ident())
            super().create(key, body)

    post(Watched(tmp_path), [reading(NOON - n * HOUR) for n in range(24)])

    assert 1 < len(seen) <= 9


class FlakyStore(FolderStore):
    """A folder that refuses one hour's object."""

    def create(self, key, body):
        if "hour=09" in key:
            raise ObjectStoreUnavailableError
        super().create(key, body)


def test_a_store_that_fails_for_one_object_leaves_a_post_that_its_repeat_completes(tmp_path):
    with pytest.raises(ObjectStoreUnavailableError):
        post(FlakyStore(tmp_path), SIX_HOURS)
    stored_before = len(stored(FolderStore(tmp_path)))

    again = post(FolderStore(tmp_path), SIX_HOURS)

    assert 0 < stored_before < 6
    assert (again.new, len(stored(FolderStore(tmp_path)))) == (6 - stored_before, 6)
