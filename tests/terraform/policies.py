"""What a role's policy allows, by the part of IAM's rules that the policies here use."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tests.terraform.calls import Right


def allows(policy: Mapping[str, Any], right: Right) -> bool:
    """Tell whether some statement allows the right and none denies it; denials here are for conditions not met."""
    return any(_covers(statement, right) for statement in policy["Statement"] if statement["Effect"] == "Allow")


def unused(policy: Mapping[str, Any], used: Iterable[Right]) -> Iterator[str]:
    """Yield the allowed actions that no call asked for."""
    asked = {right.action for right in used}
    allowed = (statement for statement in policy["Statement"] if statement["Effect"] == "Allow")
    yield from (action for statement in allowed for action in statement["Action"] if action not in asked)


def allows_action(policy: Mapping[str, Any], action: str) -> bool:
    """Tell whether some statement allows the action, on whatever resource."""
    allowed = (statement for statement in policy["Statement"] if statement["Effect"] == "Allow")
    return any(_matches(name, action) for statement in allowed for name in statement["Action"])


def _covers(statement: Mapping[str, Any], right: Right) -> bool:
    return right.action in statement["Action"] and any(_matches(name, right.resource) for name in statement["Resource"])


def _matches(pattern: str, resource: str) -> bool:
    if ":secret:" in pattern:  # calls name a secret without the six characters that its ARN ends in
        pattern = pattern.rpartition("-")[0]
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), resource) is not None
