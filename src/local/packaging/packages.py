"""Write the zips that the Lambda functions are deployed from: `python -m local.packaging.packages`."""

import argparse
import fcntl
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.packaging import contents
from local.packaging.build_target import ARCHITECTURES, Target, here, on_lambda
from local.packaging.contents import (
    Contents,
    append,
    contents_parts,
    digest_of,
    installed_files,
    label,
    read_label,
    unzipped_bytes,
)
from local.packaging.functions import FUNCTIONS, HANDLERS, lock_name
from local.packaging.own_modules import module_path, own_modules

ROOT = Path(__file__).parents[3]
BUILD = ROOT / "build"
PROJECT = Path("projects/totesys")
LIMIT = 262_144_000  # bytes unzipped, function and layers together: Lambda's own
MEGABYTE = 1_000_000

Say = Callable[[str], object]


class PackageError(RuntimeError):
    """A Lambda package could not be built."""


@dataclass(frozen=True)
class Package:
    """What one function is deployed from: its own code with the project, and a layer with the packages it imports."""

    stage: str
    function: Path
    layer: Path

    @property
    def unzipped_bytes(self) -> int:
        """Return what Lambda measures against its limit."""
        return unzipped_bytes(self.function) + unzipped_bytes(self.layer)


@dataclass(frozen=True)
class Build:
    """What to build: for which target, with which project inside, into which folder."""

    target: Target
    project: Path = PROJECT
    folder: Path = BUILD
    say: Say = print
    functions: Path | None = None  # where the functions go when not beside their layers, as for a passing project

    def package(self, stage: str) -> Package:
        """Return where a stage's zips are."""
        folder = self.folder / self.target.name
        return Package(stage, (self.functions or folder) / f"{stage}.zip", folder / f"{stage}-layer.zip")


def build_packages(build: Build | None = None, stages: Sequence[str] = FUNCTIONS) -> dict[str, Package]:
    """Write a function and a layer for each name, those whose inputs changed, and return where they are."""
    build = build or Build(here())
    folder = build.folder / build.target.name
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder):
        return {stage: _build(build, stage) for stage in stages}


def _build(build: Build, stage: str) -> Package:
    package = build.package(stage)
    changed = [_build_layer(build, package), _build_function(build.project, package)]
    build.say(describe(package, "built" if any(changed) else "unchanged"))
    check_limit(package)
    return package


def check_limit(package: Package, limit: int = LIMIT) -> None:
    """Refuse what Lambda would refuse."""
    size = package.unzipped_bytes
    if size > limit:
        raise PackageError(
            f"{package.stage} unzips to {size:,} bytes with its layer; Lambda's limit is {limit:,}. Take a package out "
            f"of requirements/{lock_name(package.stage)}.in, or name what it can spare in "
            "src/local/packaging/contents.py."
        )


def describe(package: Package, state: str) -> str:
    """Tell a package's sizes in one line."""
    function, layer = (path.stat().st_size / MEGABYTE for path in (package.function, package.layer))
    unzipped, limit = package.unzipped_bytes / MEGABYTE, LIMIT / MEGABYTE
    zips = f"function {function:5.1f} MB, layer {layer:5.1f} MB"
    return f"{package.stage:<15} {state:<9} {zips}, unzipped {unzipped:5.1f} of {limit:.1f} MB"


def _build_function(project: Path, package: Package) -> bool:
    sources = _sources(package.stage, project)
    digest = digest_of(contents_parts(sources))
    return _write_unless(package.function, digest, lambda: sources)


def _build_layer(build: Build, package: Package) -> bool:
    # A zip of its own, because our code changes far more often than the packages do.
    target = build.target
    lock = _locked_requirements(package.stage, target)
    digest = digest_of([lock.encode(), _interpreter(target).encode(), Path(contents.__file__).read_bytes()])
    with tempfile.TemporaryDirectory() as installed:

        def install() -> Contents:
            build.say(f"{package.stage:<15} fetching its packages and compressing them (up to a minute, once)")
            _install(lock, target, Path(installed))
            files = installed_files(Path(installed))
            return {f"python/{name}": path for name, path in files.items()}

        return _write_unless(package.layer, digest, install)


def _write_unless(path: Path, digest: str, make: Callable[[], Contents]) -> bool:
    """Write a zip unless it was made from the same things already."""
    if read_label(path) == digest:
        return False
    with _replacing(path) as partial:
        append(partial, make())
        label(partial, digest)
    return True


def _sources(stage: str, project: Path) -> dict[str, Path]:
    """Return what the stage's handler may import, and the project, each under its name in the zip."""
    root = ROOT / "src"
    modules = own_modules(HANDLERS[stage].rpartition(".")[0], root)
    paths = {path for path in (module_path(module, root) for module in modules) if path}
    code = {path.relative_to(root).as_posix(): path for path in paths}
    return code | project_files(project)


def project_files(project: Path) -> dict[str, Path]:
    """Return a project's files under the names that the functions find them by."""
    folder = (ROOT / project).resolve()
    if not (folder / "pipeline.toml").is_file():
        raise PackageError(f"{folder} has no pipeline.toml. Name a project: make build PROJECT=projects/shop")
    files = {name: path for name, path in installed_files(folder).items() if not _is_hidden(name)}
    for path in files.values():
        if not path.resolve().is_relative_to(folder):
            raise PackageError(f"{path} leads out of the project, to {path.resolve()}. Put the file itself there.")
    return {f"{project_in_package(project)}/{name}": path for name, path in files.items()}


def _is_hidden(name: str) -> bool:
    # Such as .env or .git, which hold what is nobody else's business.
    return any(part.startswith(".") for part in name.split("/"))


def project_in_package(project: Path) -> str:
    """Return the folder that holds the project inside every function: what PROJECT says on Lambda."""
    return f"projects/{(ROOT / project).resolve().name}"


def _interpreter(target: Target) -> str:
    return f"{target.name} {platform.python_version() if target.is_here else ''}"


def _locked_requirements(stage: str, target: Target) -> str:
    name = lock_name(stage)
    try:
        return target.locked((ROOT / "requirements" / f"{name}.txt").read_text())
    except ValueError as error:
        raise PackageError(f"requirements/{name}.txt: {error}") from error


def _install(lock: str, target: Target, folder: Path) -> None:
    options = ["--quiet", "--disable-pip-version-check", "--no-compile", "--no-deps", "--require-hashes"]
    command = [sys.executable, "-m", "pip", "install", *options, *target.pip_options(), "--target", str(folder)]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(lock)
        file.flush()
        installed = subprocess.run([*command, "-r", file.name], capture_output=True, text=True, check=False)
    if installed.returncode:
        raise PackageError(f"pip could not install packages for {target.name}:\n{installed.stderr.strip()}")


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


def main(arguments: Sequence[str] | None = None) -> None:
    """Build what the command line asks for."""
    parser = argparse.ArgumentParser(prog="local.packaging.packages", description=__doc__)
    parser.add_argument("--arch", choices=ARCHITECTURES, default="x86_64", help="the functions' processor")
    parser.add_argument("--here", action="store_true", help="for the interpreter at hand instead of Lambda's")
    parser.add_argument("--project", type=Path, default=PROJECT, help="the project folder that goes inside")
    asked = parser.parse_args(arguments)
    build = Build(here() if asked.here else on_lambda(asked.arch), asked.project)
    try:
        build_packages(build)
    except PackageError as error:
        sys.exit(str(error))
    print(f"written to {build.package('load').function.parent}")  # noqa: T201 - the answer a person waits for


if __name__ == "__main__":
    main()
