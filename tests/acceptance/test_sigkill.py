"""Kill runs with SIGKILL at their side effects and between them: the next run heals, as if nothing had been.

STARLIFT_TEST_THOROUGH=1 kills at every point instead of once before each kind of side effect, and at more moments.
"""

import os
import random
import signal
import time
from dataclasses import replace

import pytest

from tests.acceptance.twins import make_twins
from tests.processes import Blow

THOROUGH = "STARLIFT_TEST_THOROUGH" in os.environ
NOTE = 800_000  # bytes of each sale's note: with a dozen sales, two parts of an upload
MULTIPART = ("multipart part: not sent", "multipart complete: not sent", "multipart complete: done")
MOMENTS = 500 if THOROUGH else 10
pytestmark = pytest.mark.timeout(3600)


@pytest.fixture
def twins(make_database, tmp_path):
    return make_twins(tmp_path, make_database(), (make_database(), make_database()))


@pytest.fixture
def bucket_twins(make_database, bucket, tmp_path):
    """Return twins of which the disturbed one keeps its batches in an emulated bucket."""
    twins = make_twins(tmp_path, make_database(), (make_database(), make_database()), f"{bucket.url}/store")
    return replace(twins, disturbed=replace(twins.disturbed, environment=bucket.environment))


def learn_points(twins, note=0):
    """Run twice undisturbed, and return the points of the second run, in order."""
    twins.run()
    twins.assert_same()
    twins.edit(0, note)
    points = twins.run()
    twins.assert_same()
    return points


def chosen(points):
    """Return the place of each point, or in the quick profile of the first of each name.

    Quick leaves out the points after a side effect: the one before the next side effect finds the world the same.
    """
    if THOROUGH:
        return list(range(1, len(points) + 1))
    return [points.index(name) + 1 for name in dict.fromkeys(points) if not name.endswith((": done", ": written"))]


def test_a_run_killed_at_a_side_effect_heals_at_the_next(twins):
    points = learn_points(twins)
    assert {point.partition(":")[0] for point in points} >= {"landing manifest", "staging COPY", "ledger row", "commit"}

    for at in chosen(points):
        twins.edit(at)
        child = twins.start(Blow(at))
        assert child.end() == -signal.SIGKILL, child.points[-3:]
        assert child.points == points[:at]

        twins.run()
        twins.assert_same()


def test_a_run_killed_at_any_moment_heals_at_the_next(twins):
    learn_points(twins)
    begun, killed, chance = time.monotonic(), 0, random.Random(20)
    twins.run()
    usual = 1.5 * (time.monotonic() - begun)

    for step in range(1, MOMENTS + 1):
        twins.edit(step)
        child = twins.start()
        time.sleep(chance.uniform(0, usual))
        child.process.kill()
        killed += child.end() == -signal.SIGKILL

        twins.run()
        twins.assert_same()
    assert killed > MOMENTS / 3, "most of the runs were still at work"


def test_a_run_killed_within_a_multipart_upload_heals_at_the_next(bucket_twins):
    points = learn_points(bucket_twins, NOTE)
    assert points.count("multipart part: done") > 1

    for at in [points.index(name) + 1 for name in MULTIPART]:
        bucket_twins.edit(at, NOTE)
        assert bucket_twins.start(Blow(at)).end() == -signal.SIGKILL

        bucket_twins.run()
        bucket_twins.assert_same()
