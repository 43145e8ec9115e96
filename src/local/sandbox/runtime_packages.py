"""The packages that Lambda's own runtime brings along, and nothing else of this environment."""

import atexit
import functools
import re
import shutil
import tempfile
from importlib.metadata import Distribution, distribution
from pathlib import Path

ROOTS = ("awslambdaric", "boto3")


@functools.cache
def runtime_packages() -> Path:
    """Return a folder holding only the runtime client, boto3 and what they need."""
    folder = Path(tempfile.mkdtemp(prefix="starlift-runtime-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name in sorted(_with_requirements(ROOTS)):
        _link(distribution(name), folder)
    return folder


def _with_requirements(names: tuple[str, ...]) -> set[str]:
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(_required(distribution(name)))
    return found


def _required(package: Distribution) -> list[str]:
    # A requirement with a semicolon is an extra, which the runtime does not have.
    lines = [line for line in package.requires or [] if ";" not in line]
    return [match.group() for line in lines if (match := re.match(r"[\w.-]+", line))]


def _link(package: Distribution, folder: Path) -> None:
    tops = {file.parts[0] for file in package.files or []} - {"..", "__pycache__"}
    for top in tops:
        (folder / top).symlink_to(Path(str(package.locate_file(top))))
