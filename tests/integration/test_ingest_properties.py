import json
import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extraction.api.handler import lambda_handler
from extraction.api.instant import read_instant
from tests.fakes import Crash, Fuse, FusedStore
from tests.ingest_factories import NOON, SENSORS, event, ids, post, reading, stored, without_origin
from utils.folder_store import FolderStore

QUICK = settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
FEW = settings(QUICK, max_examples=30)  # each writes objects, which a folder flushes to the disk

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
ALMOST_READINGS = st.fixed_dictionaries(
    {"sensorId": st.text(min_size=1, max_size=3) | ANY_JSON, "rawTemperature": st.floats(-500, 1100) | ANY_JSON},
    optional={"rawHumidity": st.integers(-1, 101), "timestamp": st.datetimes().map(str) | ANY_JSON, "x": ANY_JSON},
)
AGES = st.integers(0, 5 * 3600)
READINGS = st.fixed_dictionaries(
    {
        "sensorId": st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=5),
        "rawTemperature": st.floats(-459.67, 1000) | st.integers(-459, 1000),
        "rawHumidity": st.floats(0, 100),
    },
    optional={"timestamp": AGES.map(lambda age: (NOON - timedelta(seconds=age)).isoformat())},
)
POSTS = st.lists(READINGS, min_size=1, max_size=5)
KEYS = st.none() | st.just("k-1")


@pytest.fixture(scope="module")
def answers():
    with tempfile.TemporaryDirectory() as folder, patch.dict("os.environ", PROJECT=str(SENSORS), RAW=folder):
        yield lambda body, **changes: lambda_handler(event(body, **changes), None)["statusCode"]


@QUICK
@given(body=ANY_JSON | ALMOST_READINGS | st.lists(ALMOST_READINGS, min_size=1, max_size=3))
def test_any_json_whatever_is_answered_200_or_400(answers, body):
    assert answers(json.dumps(body)) in {200, 400}


@QUICK
@given(body=st.text() | st.binary().map(lambda found: found.decode("latin-1")), is_base64=st.booleans())
def test_any_text_whatever_is_answered_200_or_400(answers, body, is_base64):
    assert answers(body, isBase64Encoded=is_base64) in {200, 400}


def as_stored(record):
    instant = read_instant(record.get("timestamp") or NOON.isoformat())
    values = {**record, "rawTemperature": float(record["rawTemperature"]), "timestamp": str(instant)}
    return json.dumps(values, sort_keys=True)


def expected(body, key):
    """How often each record is to be stored: as often as it was posted, or once where its content is what it is."""
    of_one_content = {as_stored(record) for record in body if key is None and "timestamp" in record}
    told_apart = Counter(as_stored(record) for record in body if key or "timestamp" not in record)
    return told_apart + Counter(of_one_content)


@FEW
@given(body=POSTS, key=KEYS)
def test_what_is_stored_is_what_was_accepted_once(body, key):
    with tempfile.TemporaryDirectory() as folder:
        store = FolderStore(Path(folder))
        for _ in range(2):
            post(store, body, key=key)

        found = Counter(json.dumps(without_origin(record), sort_keys=True) for record in stored(store))

    assert found == expected(body, key)


@FEW
@given(body=POSTS, key=KEYS, step=st.integers(1, 20))
def test_a_killed_post_sent_again_is_stored_as_if_it_had_not_been_killed(body, key, step):
    with tempfile.TemporaryDirectory() as folder:
        whole, killed = FolderStore(Path(folder) / "whole"), FolderStore(Path(folder) / "killed")
        post(whole, body, key=key)
        try:
            post(FusedStore(killed.root, Fuse(step)), body, key=key)
        except Crash:
            post(killed, body, NOON + timedelta(seconds=59), key=key)
        if all("timestamp" in record for record in body):
            assert ids(killed) == ids(whole)

        assert len(ids(killed)) == len(set(ids(killed))) == len(ids(whole))


@pytest.mark.parametrize("offset", ["Z", "+00:00", "+05:45", "-0330", "+14:00", "-23:59"])
def test_a_record_is_filed_under_its_hour_in_utc_whatever_its_offset(tmp_path, offset):
    text = f"2024-05-17T12:00:00{offset}"
    moment = read_instant(text).moment

    (key,) = post(FolderStore(tmp_path), reading(timestamp=text), moment).keys

    assert key.startswith(f"raw/year={moment:%Y}/month={moment:%m}/day={moment:%d}/hour={moment:%H}/")
