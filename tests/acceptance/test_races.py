"""Two runs at once, and a retry beside its still-running first attempt: one batch each or a conflict, never a mixture.

STARLIFT_TEST_THOROUGH=1 stops the first of two runs at every point of a run, and races more rounds.
"""

import os
import signal
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from local.warehouse.orphans import find_orphans
from tests.acceptance.twins import make_twins
from tests.processes import NAMED, Blow
from utils.batch_log import LandingLog, ProcessedLog

THOROUGH = "STARLIFT_TEST_THOROUGH" in os.environ
ROUNDS = 300 if THOROUGH else 6
CLEAN = ("ManifestConflictError", "WarehouseBusyError")
POINTS = (
    "landing file: not begun",
    "landing file: half written",
    "landing manifest: not written",
    "landing hint: not written",
    "processed file: half written",
    "processed manifest: not written",
    "processed hint: not written",
    "lock: not sent",
    "staging COPY: half sent",
    "commit: not sent",
    "commit: done",
)
pytestmark = pytest.mark.timeout(3600)


@pytest.fixture
def twins(make_database, tmp_path):
    return begun(make_twins(tmp_path, make_database(), (make_database(), make_database())))


@pytest.fixture
def bucket_twins(make_database, bucket, tmp_path, monkeypatch):
    for name, value in bucket.environment.items():
        monkeypatch.setenv(name, value)
    twins = make_twins(tmp_path, make_database(), (make_database(), make_database()), f"{bucket.url}/store")
    return begun(replace(twins, disturbed=replace(twins.disturbed, environment=bucket.environment)))


def begun(twins):
    twins.run()
    twins.assert_same()
    return twins


def outcome(child):
    """Return how a run ended: well, or with a conflict that its next attempt is free of."""
    if child.end() == 0:
        return "well"
    assert child.process.exitcode == NAMED, child.points[-3:]
    name = child.points[-1].partition(":")[0]
    assert name in CLEAN, child.points[-1]
    return name


def assert_unmixed(twins):
    """Hold that each batch is one run's and each run's batch one, and that its files are of one attempt."""
    landing, processed = LandingLog(twins.disturbed.job.landing), ProcessedLog(twins.disturbed.job.processed)
    manifests = [landing.read(number).manifest for number in range(1, landing.newest() + 1)]
    assert max(Counter(manifest.run_id for manifest in manifests).values()) == 1
    for manifest in manifests:
        assert all(manifest.token in file.key for table in manifest.tables for file in table.files)
    for number in range(1, processed.newest() + 1):
        keys = [file.key for table in processed.read(number).tables for file in table.files]
        assert len({key.rpartition("-")[2] for key in keys}) <= 1


def race(twins, step):
    """Start two runs at once, and return how they ended."""
    twins.edit(step)
    return Counter(map(outcome, [twins.start(run_id=f"{step}-one"), twins.start(run_id=f"{step}-two")]))


def race_rounds(twins, rounds):
    ended = Counter()
    for step in range(1, rounds + 1):
        ended += race(twins, step)
        twins.run()
        twins.assert_same()
    assert_unmixed(twins)
    return ended


def test_runs_that_race_over_a_folder_end_in_one_batch_each_or_a_conflict(twins):
    ended = race_rounds(twins, ROUNDS)

    assert ended["well"] >= ROUNDS


def test_runs_that_race_over_a_bucket_end_in_one_batch_each_or_a_conflict(bucket_twins):
    rounds = ROUNDS // 2
    ended = race_rounds(bucket_twins, rounds)

    assert ended["well"] >= rounds


def overtake(twins, at, run_id, other):
    """Stop a run at a point, let another end beside it, and let the first go on; return how both ended."""
    first = twins.start(Blow(at, signal.SIGSTOP), run_id=run_id)
    assert first.wait_until_stopped(), first.points[-3:]
    second = outcome(twins.start(run_id=other))
    first.go_on()
    return outcome(first), second


def points_of(twins):
    """Return the place of each point at which a run is to be overtaken."""
    twins.edit(0)
    points = twins.run()
    twins.assert_same()
    return list(range(1, len(points) + 1)) if THOROUGH else [points.index(name) + 1 for name in POINTS]


def test_a_run_that_another_overtakes_loses_or_wins_whole(twins):
    ended = set()
    for at in points_of(twins):
        twins.edit(at)
        ended.add(overtake(twins, at, f"{at}-slow", f"{at}-quick"))

        twins.run()
        twins.assert_same()
    assert_unmixed(twins)
    assert ended >= {("ManifestConflictError", "well"), ("well", "WarehouseBusyError"), ("well", "well")}


def test_a_retry_beside_its_first_attempt_loses_or_wins_whole(twins):
    ended = set()
    for at in points_of(twins):
        twins.edit(at)
        ended.add(overtake(twins, at, f"{at}", f"{at}"))

        twins.run()
        twins.assert_same()
    assert_unmixed(twins)
    assert ended >= {("ManifestConflictError", "well"), ("well", "WarehouseBusyError"), ("well", "well")}


def test_the_losers_files_are_orphans_and_no_batchs(twins):
    at = points_of(twins)[POINTS.index("landing manifest: not written")]
    twins.edit(at)
    before = orphans(twins)

    assert overtake(twins, at, "slow", "quick") == ("ManifestConflictError", "well")

    left = orphans(twins) - before
    tables = {key.split("/")[0] for key in left}
    assert tables == {"sale", "clerk", "team"}
    twins.assert_same()


def orphans(twins):
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    halves = find_orphans(twins.disturbed.store, timedelta(hours=1), tomorrow)
    return {found.key for half in halves for found in half.objects}
