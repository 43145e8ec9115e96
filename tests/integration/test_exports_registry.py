"""Registry and lock of exports: one contract, over DynamoDB as over SQLite."""

import pytest

from extraction.exports.pipeline import acquire_lock, fail_version, finish_version, register_version, renew_lock
from tests.export_factories import NOON, World, dynamodb_server, make_registry
from utils.errors import ExportChangedError, ExportOutdatedError, ExportRefusedError, LockHeldError, LockLostError
from utils.registry.claim import LEASE_SECONDS, SKEW_SECONDS, Claim, Lease
from utils.registry.records import Status

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def dynamodb():
    with dynamodb_server() as address:
        yield address


@pytest.fixture(params=["sqlite", "dynamodb"])
def world(request, tmp_path, dynamodb, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", dynamodb)
    return World(tmp_path / "exports", make_registry(request.param, tmp_path))


def register(world, version, execution="", **more):
    return register_version(world.request(version, execution, **more), world.ports)["outcome"]


def acquire(world, version, execution="", **more):
    return acquire_lock(world.request(version, execution, **more), world.ports)


def claim(world, version, execution="", **more):
    """Write, register and acquire a version, and return its claim."""
    world.write(version, tenant=more.get("tenant", "acme"))
    register(world, version, execution, **more)
    return Claim.from_message(acquire(world, version, execution, **more))


def lease(world, held):
    return Lease(world.ports.registry, held, world.clock)


def finish(world, held, asked="", counts=None):
    request = world.request(asked or held.version, held.execution, tenant=held.tenant)
    return finish_version(request, held, counts or {}, world.ports)


def fail(world, version, execution="", cause="it broke"):
    return fail_version(world.request(version, execution), cause, world.ports)["marked"]


def succeed(world, *versions):
    for version in versions:
        finish(world, claim(world, version))


def pass_lease(world):
    world.clock.now += LEASE_SECONDS + SKEW_SECONDS


def test_a_version_goes_from_registered_to_succeeded(world):
    world.write("v1")

    assert register(world, "v1") == "registered"
    assert world.entry("v1").status is Status.REGISTERED
    held = Claim.from_message(acquire(world, "v1"))
    assert world.entry("v1").status is Status.PROCESSING
    finish(world, held, counts={"INSERT": 3})

    entry = world.entry("v1")
    assert (entry.status, entry.counts, entry.order, entry.previous) == (Status.SUCCEEDED, {"INSERT": 3}, 1, None)
    assert (entry.files, entry.bytes, entry.key, entry.execution) == (1, 6, "acme/staff/v1/staff.csv", "run-v1")


def test_each_version_is_compared_with_the_last_that_succeeded(world):
    succeed(world, "v1", "v2")

    held = claim(world, "v3")

    assert (held.previous, held.order, held.fence) == ("v2", 3, 3)


def test_the_same_content_is_not_processed_twice(world):
    succeed(world, "v1")

    assert register(world, "v1", "again") == "succeeded"
    assert acquire(world, "v1", "again") == {"outcome": "succeeded"}
    assert world.entry("v1").execution == "run-v1"


def test_other_content_of_a_known_version_is_refused_and_changes_nothing(world):
    succeed(world, "v1")
    before = world.entry("v1"), world.ports.registry.head("acme/staff")
    world.write("v1", "id\nanother\n")

    with pytest.raises(ExportChangedError, match="put the new content under a new version"):
        register(world, "v1", "again")

    assert not fail(world, "v1", "again")
    assert (world.entry("v1"), world.ports.registry.head("acme/staff")) == before


def test_files_are_the_same_content_in_any_order_and_under_any_name(world):
    world = world.having(closed_by="_SUCCESS")
    world.write("v1", "one", "a.csv")
    world.write("v1", "other", "b.csv")
    world.write("v1", "-", "_SUCCESS")
    assert register(world, "v1") == "registered"

    world.write("v1", "other", "a.csv")
    world.write("v1", "one", "b.csv")

    assert register(world, "v1") == "registered"
    assert (world.entry("v1").files, world.entry("v1").bytes, world.entry("v1").key) == (2, 8, "acme/staff/v1/")


def test_a_file_more_is_other_content(world):
    world = world.having(closed_by="_SUCCESS")
    world.write("v1", "one", "a.csv")
    register(world, "v1")
    world.write("v1", "one", "b.csv")

    with pytest.raises(ExportChangedError, match="it was 1 file"):
        register(world, "v1")


def test_several_files_without_what_closes_them_are_refused(world):
    world.write("v1", file="a.csv")
    world.write("v1", file="b.csv")

    with pytest.raises(ExportRefusedError, match="set closed_by"):
        register(world, "v1")

    assert world.statuses() == {}


def test_an_export_older_than_the_last_success_is_refused(world):
    succeed(world, "v2")
    world.write("v1")

    with pytest.raises(ExportOutdatedError, match=r'v1 is older than v2.*"replay": true'):
        register(world, "v1")

    assert world.statuses() == {"v2": Status.SUCCEEDED}


def test_an_older_export_is_replayed_on_demand_and_compared_with_what_the_target_shows(world):
    succeed(world, "v1", "v2")

    held = claim(world, "v1", "by-hand", replay=True)
    finish(world, held)

    assert (held.previous, held.order) == ("v2", 3)
    assert claim(world, "v3").previous == "v1"


def test_a_replay_publishes_from_the_first_change_on(world):
    held = claim(world, "v1")
    lease(world, held).begin()
    lease(world, held).save_published(3)
    finish(world, held)

    again = claim(world, "v1", "by-hand", replay=True)

    assert (lease(world, again).published(), again.order) == (0, 2)


def test_a_replay_that_failed_is_started_again_like_any_version(world):
    succeed(world, "v1", "v2")
    claim(world, "v1", "by-hand", replay=True)
    fail(world, "v1", "by-hand")

    assert claim(world, "v1", "again").previous == "v2"


def test_a_replay_that_waits_is_not_superseded_meanwhile(world):
    succeed(world, "v1", "v2")
    held = claim(world, "v3")
    register(world, "v1", "by-hand", replay=True)

    finish(world, held)

    assert acquire(world, "v1", "by-hand", replay=True)["previous"] == "v3"


def test_a_replay_that_succeeded_is_not_replayed_by_its_own_second_attempt(world):
    succeed(world, "v1", "v2")
    finish(world, claim(world, "v1", "by-hand", replay=True))

    assert register(world, "v1", "by-hand", replay=True) == "succeeded"


def test_versions_are_ordered_as_text_unless_a_pattern_says_otherwise(world):
    succeed(world, "v9")
    world.write("v10")

    with pytest.raises(ExportOutdatedError):
        register(world, "v10")

    assert register(world.having(version_pattern="v([0-9]+)"), "v10") == "registered"


def test_a_version_that_does_not_match_the_pattern_is_refused(world):
    world.write("final-2")

    with pytest.raises(ExportRefusedError, match="does not match version_pattern"):
        register(world.having(version_pattern="v([0-9]+)"), "final-2")


def test_versions_from_before_a_pattern_count_as_older(world):
    succeed(world, "final")

    assert claim(world.having(version_pattern="v([0-9]+)"), "v1").previous == "final"


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


def test_a_failed_version_keeps_its_cause_and_is_begun_again(world):
    claim(world, "v1")
    fail(world, "v1", cause="StreamError: full")
    assert (world.entry("v1").status, world.entry("v1").cause) == (Status.FAILED, "StreamError: full")

    again = claim(world, "v1", "again")

    assert (again.order, world.entry("v1").attempts, world.entry("v1").cause) == (1, 2, None)


def test_a_version_is_begun_again_behind_the_orders_that_were_given_before(world):
    lease(world, claim(world, "v1")).skip_orders(7)
    fail(world, "v1")

    assert claim(world, "v1", "again").order == 8


def test_a_version_resumes_where_its_publishing_stopped(world):
    held = claim(world, "v1")
    lease(world, held).begin()
    lease(world, held).save_published(500)
    fail(world, "v1")

    again = claim(world, "v1", "again")
    lease(world, again).begin()
    lease(world, again).save_published(400)

    assert lease(world, again).published() == 500
    assert (again.order, again.previous) == (held.order, held.previous)


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


def test_only_rows_that_nothing_depends_on_get_an_end(world):
    succeed(world, "v1", "v2")

    assert world.entry("v1").expires_at > NOON
    assert world.entry("v2").expires_at is None


def test_heads_and_entries_are_listed(world):
    succeed(world, "v1", "v2")
    claim(world, "v1", tenant="other")

    assert [head.series for head in world.ports.registry.heads()] == ["acme/staff", "other/staff"]
    assert [entry.version for entry in world.ports.registry.entries("acme/staff")] == ["v1", "v2"]
