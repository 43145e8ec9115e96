"""The make targets: what a person says of a deployment reaches the program as one word, and no shell."""

import shlex
import subprocess

import pytest

from local.packaging.packages import ROOT

AWKWARD = """{"rows": {"staff": [{"name": "O'Brien; `id` $(HOME) $HOME"}]}}"""


def words(target: str, variable: str) -> list[str]:
    """Return the words of the command that a target would run."""
    command = ["make", "--dry-run", "--silent", target, f"{variable}={AWKWARD}"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=30).stdout
    return shlex.split(shown.splitlines()[-1])


@pytest.mark.parametrize(
    ("target", "variable"),
    [
        ("invoke", "INPUT"),
        ("destroy", "GIVE_UP"),
        ("deploy", "ENV"),
        ("plan", "PROJECT"),
        ("build", "ARCH"),
        ("logs", "SINCE"),
        ("release-notes", "VERSION"),
    ],
)
def test_a_value_stays_one_word_whatever_is_in_it(target, variable):
    assert AWKWARD in words(target, variable)
