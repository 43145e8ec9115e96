"""Print what the changelog says of one version: `python -m local.release_notes v1.2.3`."""

import re
import sys
from pathlib import Path

CHANGELOG = Path(__file__).parents[2] / "CHANGELOG.md"


class NoNotesError(RuntimeError):
    """The changelog says nothing of the version."""


def release_notes(changelog: str, version: str) -> str:
    """Return the changelog's section of a version, without its heading."""
    number = version.removeprefix("v")
    found = re.search(rf"^## \[?{re.escape(number)}\]?(?=\s|$)[^\n]*\n(.*?)(?=^## |\Z)", changelog, re.M | re.S)
    notes = found[1].strip() if found else ""
    if not notes:
        raise NoNotesError(f"CHANGELOG.md says nothing of {number}: rename its Unreleased section before tagging.")
    return notes


if __name__ == "__main__":
    try:
        sys.stdout.write(release_notes(CHANGELOG.read_text(), sys.argv[1]) + "\n")
    except NoNotesError as error:
        sys.exit(str(error))
