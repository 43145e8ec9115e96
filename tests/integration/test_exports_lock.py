"""The lock of one tenant's table: one contract, over DynamoDB as over SQLite."""

import pytest

from extraction.exports.pipeline import renew_lock
from tests.export_steps import acquire, claim, fail, finish, lease, pass_lease, register, succeed
from utils.errors import LockHeldError, LockLostError
from utils.registry.claim import LEASE_SECONDS, SKEW_SECONDS, Claim
from utils.registry.records import Status

pytestmark = pytest.mark.timeout(120)


def test_a_lock_that_is_held_is_refused_with_its_owner_named(world):
    claim(world, "v1")
    world.write("v2")
    register(world, "v2")

    with pytest.raises(LockHeldError, match="v2 waits: run-v1 works on v1"):
        acquire(world, "v2")


@pytest.mark.parametrize("other", [{"tenant": "other"}, {"table": "offices"}])
def test_other_tenants_and_tables_are_not_kept_waiting(world, other):
    claim(world, "v1")
    if "table" in other:
        world = world.having(name="offices")

    assert claim(world, "v1", tenant=other.get("tenant", "acme")).fence == 1


def test_two_versions_that_wait_are_processed_in_order(world):
    held = claim(world, "v1")
    for version in ("v2", "v3"):
        world.write(version)
        register(world, version)
    finish(world, held)

    with pytest.raises(LockHeldError, match="v2 comes before it"):
        acquire(world, "v3")
    second = Claim.from_message(acquire(world, "v2"))
    finish(world, second)

    assert (second.previous, acquire(world, "v3")["previous"]) == ("v1", "v2")


def test_a_version_that_asks_no_more_loses_its_turn_and_is_superseded(world):
    world.write("v1")
    register(world, "v1")
    world.clock.now += 901

    finish(world, claim(world, "v2"))

    assert world.statuses() == {"v1": Status.SUPERSEDED, "v2": Status.SUCCEEDED}
    assert register(world, "v1") == "superseded"


def test_a_version_whose_later_one_succeeded_while_it_waited_ends_as_superseded(world):
    held = claim(world, "v2")
    world.write("v1")
    register(world, "v1")
    finish(world, held)

    assert acquire(world, "v1") == {"outcome": "superseded"}
    assert world.statuses() == {"v1": Status.SUPERSEDED, "v2": Status.SUCCEEDED}


def test_a_lease_that_ran_out_is_taken_over_only_after_the_clocks_allowance(world):
    claim(world, "v1")
    world.clock.now += LEASE_SECONDS + SKEW_SECONDS - 1
    register(world, "v1", "second")

    with pytest.raises(LockHeldError):
        acquire(world, "v1", "second")
    world.clock.now += 1

    assert acquire(world, "v1", "second")["fence"] == 2


def test_a_late_owner_can_neither_renew_nor_publish_nor_finish(world):
    late = claim(world, "v1")
    pass_lease(world)
    taker = claim(world, "v1", "second")

    for late_step in (lease(world, late).renew, lease(world, late).begin, lambda: finish(world, late)):
        with pytest.raises(LockLostError, match=r"its fence is 1, and second has 2"):
            late_step()
    with pytest.raises(LockLostError):
        renew_lock(late, world.ports)
    assert not lease(world, late).still_owner()
    assert lease(world, taker).still_owner()


def test_a_late_owners_failure_does_not_fail_the_new_owners_version(world):
    claim(world, "v1")
    pass_lease(world)
    taker = claim(world, "v1", "second")

    assert not fail(world, "v1", "run-v1", "LockLostError")

    assert world.entry("v1").status is Status.PROCESSING
    finish(world, taker)
    assert world.entry("v1").status is Status.SUCCEEDED


def test_a_late_owner_of_a_released_lock_is_known_by_its_fence(world):
    late = claim(world, "v1")
    pass_lease(world)
    finish(world, claim(world, "v1", "second"))

    assert not lease(world, late).still_owner()
    with pytest.raises(LockLostError, match="nobody has 2"):
        finish(world, late)


def test_an_execution_is_known_by_its_fence_even_if_it_claims_again(world):
    late = claim(world, "v1", "run")
    finish(world, late)

    again = claim(world, "v2", "run")

    assert [lease(world, each).still_owner() for each in (late, again)] == [False, True]


def test_an_owner_that_works_on_keeps_its_lock(world):
    held = claim(world, "v1")
    for _ in range(5):
        world.clock.now += LEASE_SECONDS - 1
        assert lease(world, held).still_owner()

    world.write("v2")
    register(world, "v2")

    with pytest.raises(LockHeldError):
        acquire(world, "v2")


def test_the_fence_grows_through_release_failure_and_expiry(world):
    fences = [claim(world, "v1").fence]
    fail(world, "v1")
    fences.append(claim(world, "v1", "b").fence)
    pass_lease(world)
    fences.append(claim(world, "v1", "c").fence)
    finish(world, Claim.from_message(acquire(world, "v1", "c")))
    fences.append(claim(world, "v2").fence)

    assert fences == [1, 2, 3, 4]


def test_a_step_whose_answer_got_lost_may_be_repeated(world):
    world.write("v1")

    assert [register(world, "v1") for _ in range(2)] == ["registered"] * 2
    assert world.entry("v1").attempts == 1
    first, second = (acquire(world, "v1") for _ in range(2))
    assert first == second
    assert finish(world, Claim.from_message(first)) == finish(world, Claim.from_message(first))


def test_a_later_version_supersedes_one_that_failed_before_anything_was_published(world):
    succeed(world, "v1")
    claim(world, "v2")
    fail(world, "v2")

    held = claim(world, "v3")
    finish(world, held)

    assert (held.previous, held.order) == ("v1", 3)
    assert world.statuses()["v2"] is Status.SUPERSEDED


def test_a_version_that_was_partly_published_is_finished_before_a_later_one(world):
    succeed(world, "v1")
    partly = claim(world, "v2")
    lease(world, partly).begin()
    fail(world, "v2")

    first = claim(world, "v3")
    assert (first.version, first.order, first.previous) == ("v2", partly.order, "v1")
    assert finish(world, first, asked="v3")["more"]

    second = Claim.from_message(acquire(world, "v3"))
    assert (second.version, second.previous) == ("v3", "v2")
    assert not finish(world, second)["more"]
    assert set(world.statuses().values()) == {Status.SUCCEEDED}


def test_a_crashed_owner_that_published_a_part_is_finished_by_whoever_comes_next(world):
    crashed = claim(world, "v1")
    lease(world, crashed).begin()
    lease(world, crashed).save_published(7)
    pass_lease(world)

    taker = claim(world, "v2")

    assert (taker.version, lease(world, taker).published()) == ("v1", 7)


def test_older_versions_that_arrive_late_do_not_keep_each_other_from_finishing_a_version(world):
    lease(world, claim(world, "v3")).begin()
    fail(world, "v3")
    for version in ("v1", "v2"):
        world.write(version)
        register(world, version)

    assert acquire(world, "v1")["version"] == "v3"


def test_failing_while_finishing_anothers_version_marks_both(world):
    partly = claim(world, "v1")
    lease(world, partly).begin()
    fail(world, "v1")
    claim(world, "v2")

    assert fail(world, "v2", cause="full")

    assert {world.entry(version).cause for version in ("v1", "v2")} == {"full"}
    assert claim(world, "v1", "again").version == "v1"


def test_an_execution_that_gave_up_waiting_fails_only_its_own_version(world):
    held = claim(world, "v1")
    world.write("v2")
    register(world, "v2")

    assert fail(world, "v2", cause="LockHeldError")

    assert world.statuses() == {"v1": Status.PROCESSING, "v2": Status.FAILED}
    finish(world, held)


def test_a_second_execution_of_a_version_that_gave_up_does_not_fail_it(world):
    held = claim(world, "v1")
    register(world, "v1", "second")

    assert not fail(world, "v1", "second")

    finish(world, held)
    assert world.statuses() == {"v1": Status.SUCCEEDED}
