"""A version that stopped half published and can never be finished, given up by a person."""

import json

import pytest
from typer.testing import CliRunner

from cli.main import app
from extraction.exports.giving_up import give_up
from extraction.exports.pipeline import fail_version, finish_version
from tests.export_steps import claim
from utils.errors import ConfigurationError, LockHeldError, LockLostError
from utils.registry.claim import LEASE_SECONDS, SKEW_SECONDS, Lease
from utils.registry.records import Status

pytestmark = pytest.mark.timeout(120)
SERIES = "acme/staff"


def stop_half_published(world, version):
    held = claim(world, version)
    Lease(world.ports.registry, held, world.clock).begin()
    fail_version(world.request(version), "the stored changes are gone", world.ports)


def run_give_up(world, version):
    give_up(world.ports.registry, SERIES, version, world.clock)


def test_a_version_given_up_holds_later_ones_up_no_more(world):
    finish_version(world.request("v1"), claim(world, "v1"), {}, world.ports)
    stop_half_published(world, "v2")

    run_give_up(world, "v2")

    held = claim(world, "v3")
    assert (held.version, held.previous) == ("v3", "v1")


def test_it_is_superseded_by_the_next_that_succeeds(world):
    stop_half_published(world, "v1")
    run_give_up(world, "v1")
    assert (world.entry("v1").status, world.entry("v1").cause[:8]) == (Status.FAILED, "Given up")

    finish_version(world.request("v2"), claim(world, "v2"), {}, world.ports)

    assert world.statuses() == {"v1": Status.SUPERSEDED, "v2": Status.SUCCEEDED}


def test_no_later_version_has_its_order(world):
    stop_half_published(world, "v1")
    run_give_up(world, "v1")

    assert claim(world, "v2").order > world.entry("v1").order


@pytest.mark.parametrize("version", ["v1", "v9"])
def test_a_version_that_holds_nothing_up_is_refused_by_name(world, version):
    finish_version(world.request("v1"), claim(world, "v1"), {}, world.ports)

    with pytest.raises(ConfigurationError, match=f"{version} does not hold up acme/staff: no version does"):
        run_give_up(world, version)


def test_it_is_refused_while_an_execution_is_at_work(world):
    Lease(world.ports.registry, claim(world, "v1"), world.clock).begin()

    with pytest.raises(LockHeldError, match="run-v1 works on acme/staff v1"):
        run_give_up(world, "v1")

    assert world.ports.registry.head(SERIES).publishing == "v1"


def test_a_crashed_owner_that_wakes_up_publishes_nothing_more(world):
    lease = Lease(world.ports.registry, claim(world, "v1"), world.clock)
    lease.begin()
    world.clock.now += LEASE_SECONDS + SKEW_SECONDS

    run_give_up(world, "v1")

    assert not lease.still_owner()
    with pytest.raises(LockLostError):
        lease.save_published(1)


def starlift(world, *words):
    return CliRunner().invoke(app, ["exports", "give-up", SERIES, *words, "--registry", world.registry])


def test_the_command_asks_and_says_that_a_resync_must_follow(world):
    stop_half_published(world, "v1")

    asked = starlift(world, "v1")
    assert (asked.exit_code, "give --yes" in asked.stderr) == (1, True)
    assert world.ports.registry.head(SERIES).publishing == "v1"

    done = starlift(world, "v1", "--yes")
    assert "once a later version succeeded, starlift exports resync acme/staff" in done.stdout
    assert world.ports.registry.head(SERIES).publishing is None


def test_the_command_answers_programs_with_one_object(world):
    stop_half_published(world, "v1")

    assert json.loads(starlift(world, "v1", "--yes", "--json").stdout) == {"series": SERIES, "given_up": "v1"}


def test_a_version_compared_anew_is_published_from_its_first_change(world):
    held = claim(world, "v2")
    Lease(world.ports.registry, held, world.clock).save_published(3)
    stop_half_published(world, "v2")
    run_give_up(world, "v2")
    finish_version(world.request("v1"), claim(world, "v1"), {}, world.ports)

    again = claim(world, "v2")

    assert (again.previous, Lease(world.ports.registry, again, world.clock).published()) == ("v1", 0)
