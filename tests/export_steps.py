"""The steps of an export's execution, as tests call them."""

from extraction.exports.pipeline import acquire_lock, fail_version, finish_version, register_version
from utils.registry.claim import LEASE_SECONDS, SKEW_SECONDS, Claim, Lease


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
