"""Write the zips that the Lambda functions are deployed from: `python -m local.packages`."""

import fcntl
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from local import package_contents
from local.package_contents import (
    append,
    contents_parts,
    digest_of,
    installed_files,
    label,
    read_label,
    source_files,
    unzipped_bytes,
)

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build"
STAGES = ("extraction", "transformation", "load")
LIMIT = 262_144_000  # bytes unzipped, function and layers together: Lambda's own
MEGABYTE = 1_000_000

Say = Callable[[str], object]


class PackageError(RuntimeError):
    """A Lambda package could not be built."""


def build_packages(stages: Sequence[str] = STAGES, folder: Path = BUILD, say: Say = print) -> dict[str, Path]:
    """Write one zip a stage, those whose inputs changed, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder):
        return {stage: _build(stage, folder, say) for stage in stages}


def _build(stage: str, folder: Path, say: Say) -> Path:
    package = folder / f"{stage}.zip"
    sources = _sources(stage)
    digest = digest_of([_dependencies_digest(stage).encode(), *contents_parts(sources)])
    unchanged = read_label(package) == digest
    if not unchanged:
        _write(package, _dependencies(stage, folder), sources, digest)
    say(_describe(package, unchanged))
    check_limit(package)
    return package


def check_limit(package: Path, limit: int = LIMIT) -> None:
    """Refuse a zip that Lambda would refuse."""
    size = unzipped_bytes(package)
    if size > limit:
        raise PackageError(
            f"{package.name} unzips to {size:,} bytes; Lambda's limit is {limit:,}. Take a package out of "
            f"requirements/{package.stem}.in, or name what it can do without in local/package_contents.py."
        )


def _describe(package: Path, unchanged: bool) -> str:
    zipped, unzipped = package.stat().st_size / MEGABYTE, unzipped_bytes(package) / MEGABYTE
    state = "unchanged" if unchanged else "built"
    return (
        f"{package.name:<19} {state:<9} {zipped:6.1f} MB, {unzipped:6.1f} MB unzipped of {LIMIT / MEGABYTE:.1f} allowed"
    )


def _sources(stage: str) -> dict[str, Path]:
    return source_files(ROOT / "src", [stage, "utils"]) | source_files(ROOT, ["projects"])


def _write(package: Path, dependencies: Path, sources: dict[str, Path], digest: str) -> None:
    with _replacing(package) as partial:
        shutil.copyfile(dependencies, partial)
        append(partial, sources)
        label(partial, digest)


def _dependencies(stage: str, folder: Path) -> Path:
    """Return a zip of the stage's packages alone, kept because our own code changes far more often than they do."""
    package = folder / "dependencies" / f"{stage}.zip"
    digest = _dependencies_digest(stage)
    if read_label(package) != digest:
        package.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory() as installed, _replacing(package) as partial:
            _install(stage, Path(installed))
            append(partial, installed_files(Path(installed)))
            label(partial, digest)
    return package


def _dependencies_digest(stage: str) -> str:
    interpreter = f"{platform.python_version()} {platform.machine()} {sys.platform}"
    rules = Path(package_contents.__file__)
    return digest_of([_lock(stage).read_bytes(), interpreter.encode(), rules.read_bytes()])


def _lock(stage: str) -> Path:
    return ROOT / "requirements" / f"{stage}.txt"


def _install(stage: str, folder: Path) -> None:
    options = ["--quiet", "--disable-pip-version-check", "--no-compile", "--no-deps", "--require-hashes"]
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(folder), "-r", str(_lock(stage))]
    installed = subprocess.run(command, capture_output=True, text=True, check=False)
    if installed.returncode:
        raise PackageError(f"pip could not install requirements/{stage}.txt:\n{installed.stderr.strip()}")


@contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    """Give a path to write to, which takes the target's place once it is whole."""
    partial = target.with_name(f"{target.name}.{os.getpid()}")
    partial.unlink(missing_ok=True)
    try:
        yield partial
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    # Two test processes build at the same time; the second finds the first one's zips.
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    try:
        build_packages()
    except PackageError as error:
        sys.exit(str(error))
