from dataclasses import replace
from datetime import timedelta

import pytest

from extraction.api.pipeline import store_post
from extraction.api.ports import Ports
from extraction.api.refusal import RefusedError
from extraction.api.request import read_post
from tests.fakes import Crash, Fuse, FusedStore
from tests.ingest_factories import HOUR, NOON, PROJECT, event, post, reading, stored
from utils.folder_store import FolderStore

MINUTE = timedelta(minutes=1)
OLDEST = [reading(NOON - 24 * HOUR, rawHumidity=1), reading()]  # the first is as old as a reading may be


@pytest.fixture
def store(tmp_path):
    return FolderStore(tmp_path)


@pytest.mark.parametrize("zero", ["0", "0.0", "-0", "-0.0", "0e9"])
def test_the_same_content_in_another_order_and_with_its_numbers_written_otherwise_is_a_repeat(store, zero):
    at = NOON.isoformat()
    post(store, reading(rawTemperature=40, rawHumidity=0))
    same = f'{{"timestamp": "{at}", "rawHumidity": {zero}, "rawTemperature": 4.0e1, "sensorId": "boiler\\u002d1"}}'

    assert post(store, same).new == 0


def test_of_one_keyed_post_sent_twice_at_once_the_earlier_may_find_the_laters_receipt(store):
    strict = replace(PROJECT, ingest=replace(PROJECT.ingest, max_future_seconds=0))
    later, earlier = (read_post(event(reading(None), key="k-1"), strict.ingest, at) for at in (NOON + MINUTE, NOON))
    store_post(later, Ports(strict, store))

    assert store_post(earlier, Ports(strict, store)).new == 0


def test_a_keyed_post_that_was_half_stored_is_completed_although_its_readings_have_become_too_old(tmp_path):
    with pytest.raises(Crash):
        post(FusedStore(tmp_path, Fuse(4)), OLDEST, key="k-1")

    again = post(FolderStore(tmp_path), OLDEST, NOON + 10 * MINUTE, key="k-1")

    assert (again.new, len(stored(FolderStore(tmp_path)))) == (1, 2)


@pytest.mark.parametrize(("minutes", "key"), [(11, "k-1"), (1, "k-2"), (1, None)])
def test_readings_that_are_too_old_for_the_query_to_find_are_refused_in_a_repeat_too(store, minutes, key):
    post(store, OLDEST, key="k-1")

    with pytest.raises(RefusedError, match="nothing was stored"):
        post(store, OLDEST, NOON + minutes * MINUTE, key=key)
