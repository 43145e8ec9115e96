"""Whatever arrives, breaks, repeats, sleeps and wakes up in whatever order, the target holds the last success."""

import os
import uuid

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.export_factories import World
from tests.export_histories import HISTORIES, History

THOROUGH = "STARLIFT_TEST_THOROUGH" in os.environ


@pytest.mark.timeout(600)
@settings(
    derandomize=not THOROUGH,  # the same histories on every machine; the thorough profile draws new ones
    max_examples=2000 if THOROUGH else 100,
    database=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)
@given(HISTORIES)
def test_the_target_is_the_last_success_whatever_the_order_of_things(tmp_path, events):
    History(World(tmp_path / uuid.uuid4().hex, str(tmp_path / "unused"))).play(events)
