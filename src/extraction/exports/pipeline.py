"""One export from registering to its end, as the state machine calls it.

Every step may be repeated and may die at any point. The registry's writes are one transaction each, decided upon
what was read and refused if anything changed since, so there is no state between two of them. What an execution
left behind when it died is its lock, which others take over when the lease ends, and its version, which they
finish first if the stream may hold a part of it.
"""

import logging
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from extraction.exports.claiming import acquire
from extraction.exports.ending import fail, finish
from extraction.exports.ports import Ports, Request
from extraction.exports.register import register
from utils.registry.claim import Claim, Lease

logger = logging.getLogger(__name__)

Answer = dict[str, Any]
CLAIMED = "claimed"


def register_version(request: Request, ports: Ports) -> Answer:
    """Enter the version; `outcome` is "registered", or how it ended before."""
    status = register(request, ports)
    logger.info("export registered", extra={**_fields(request), "outcome": status.value})
    return {"outcome": status.value}


def acquire_lock(request: Request, ports: Ports) -> Answer:
    """Answer with a claim and `outcome` "claimed", or with how the version ended while it waited."""
    found = acquire(request, ports)
    outcome = CLAIMED if isinstance(found, Claim) else found.value
    claim = asdict(found) if isinstance(found, Claim) else {}
    logger.info("export lock", extra={**_fields(request), **claim, "outcome": outcome})
    return {"outcome": outcome, **claim}


def renew_lock(claim: Claim, ports: Ports) -> Answer:
    """Begin the lease anew, or raise LockLostError."""
    Lease(ports.registry, claim, ports.clock).renew()
    return asdict(claim)


def finish_version(request: Request, claim: Claim, counts: Mapping[str, int], ports: Ports) -> Answer:
    """End the claimed version as succeeded; `more` tells that it was not yet the one asked for."""
    finish(claim, counts, ports)
    logger.info("export succeeded", extra={**asdict(claim), "counts": dict(counts)})
    return {**asdict(claim), "counts": dict(counts), "more": claim.version != request.version.version}


def fail_version(request: Request, cause: str, ports: Ports) -> Answer:
    """Release the lock and note the cause; `marked` tells whether anything was this execution's own."""
    marked = fail(request, cause, ports)
    logger.warning("export failed", extra={**_fields(request), "marked": marked, "cause": cause})
    return {"marked": marked}


def _fields(request: Request) -> dict[str, object]:
    return {**asdict(request.version), "execution": request.execution}
