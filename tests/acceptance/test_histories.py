"""Nothing is lost and nothing loaded twice, whatever the order of things: the short profile of `make torture`."""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.histories import Histories
from tests.history_shop import make_shop

QUICK = settings(
    derandomize=True,  # the same histories on every machine; `make torture` draws new ones
    max_examples=15,
    stateful_step_count=30,
    database=None,
    print_blob=False,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def shop(tmp_path, make_database):
    return make_shop(tmp_path, make_database(), make_database())


def test_the_warehouse_holds_exactly_what_runs_could_see_whatever_the_order_of_things(shop):
    run_state_machine_as_test(type("History", (Histories,), {"shop": shop}), settings=QUICK)

    assert {
        "killed runs",
        "raced runs",
        "slow runs",
        "repeated loads",
        "prepared transactions",
    } <= shop.tally.counts.keys()
