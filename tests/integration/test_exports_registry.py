"""What the registry knows of versions: one contract, over DynamoDB as over SQLite."""

import pytest

from tests.export_factories import NOON
from tests.export_steps import acquire, claim, fail, finish, lease, register, succeed
from utils.errors import ExportChangedError, ExportOutdatedError, ExportRefusedError
from utils.registry.claim import Claim
from utils.registry.records import Status

pytestmark = pytest.mark.timeout(120)


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


def test_only_rows_that_nothing_depends_on_get_an_end(world):
    succeed(world, "v1", "v2")

    assert world.entry("v1").expires_at > NOON
    assert world.entry("v2").expires_at is None


def test_heads_and_entries_are_listed(world):
    succeed(world, "v1", "v2")
    claim(world, "v1", tenant="other")

    assert [head.series for head in world.ports.registry.heads()] == ["acme/staff", "other/staff"]
    assert [entry.version for entry in world.ports.registry.entries("acme/staff")] == ["v1", "v2"]


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
