"""The settings of full exports that alarms and documents name are settings that there are."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"\bexport_delta\.(\w+(?:\.\w+)?)")


def settings():
    """Return what can be set: each group, and each setting in it."""
    text = (ROOT / "terraform" / "variables.tf").read_text()
    block = re.search(r'variable "export_delta" \{\n(.*?)\n  default', text, re.DOTALL)[1]
    found = set()
    for group, body in re.findall(
        r"^    (\w+) = optional\(object\(\{\n(.*?)\n    \}\)", block, re.DOTALL | re.MULTILINE
    ):
        found |= {group, *(f"{group}.{name}" for name in re.findall(r"^ +(\w+) +=", body, re.MULTILINE))}
    return found


@pytest.mark.parametrize("place", ["terraform/modules/export_delta/alarms.tf", "docs/operations.md"])
def test_a_setting_that_is_named_can_be_set(place):
    named = set(NAMED.findall((ROOT / place).read_text()))

    assert named
    assert named <= settings()
