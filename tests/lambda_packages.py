"""What is inside the zips that go to Lambda, read without running them."""

import re
import struct
import sys
import zipfile
from dataclasses import dataclass, replace
from email.parser import Parser
from functools import cached_property
from pathlib import Path, PurePosixPath

import pytest
from packaging.requirements import Requirement
from packaging.tags import Tag, compatible_tags, cpython_tags, parse_tag
from packaging.utils import canonicalize_name

from local.packaging.build_target import ARCHITECTURES, LAMBDA_GLIBC, OLDEST_GLIBC, on_lambda
from local.packaging.contents import IN_THE_RUNTIME
from local.packaging.own_modules import imports_of
from local.packaging.packages import Build, Package, PackageError, build_packages

ELF_MACHINES = {"x86_64": 62, "arm64": 183}
GONE = (
    "aifc|asynchat|asyncore|audioop|cgi|cgitb|chunk|crypt|distutils|imghdr|imp|lib2to3|mailcap|msilib|nis|nntplib|"
    "ossaudiodev|pipes|smtpd|sndhdr|spwd|sunau|telnetlib|uu|xdrlib"
)
STANDARD = sys.stdlib_module_names - set(GONE.split("|"))  # what Python 3.13 has, whichever runs the tests
NEVER_IMPORTED = {"setuptools"}  # awswrangler asks for it, and imports it nowhere


@dataclass(frozen=True)
class Distribution:
    """One installed package, as its metadata in the zip tells."""

    name: str
    tags: frozenset[Tag]
    requires: frozenset[str]


@dataclass(frozen=True)
class Contents:
    """The files of a function and of its layer."""

    package: Package
    architecture: str

    @cached_property
    def function(self) -> dict[str, bytes]:
        """Return the function's files."""
        with zipfile.ZipFile(self.package.function) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    @cached_property
    def layer(self) -> set[str]:
        """Return the names of the layer's files, as a function imports them."""
        with zipfile.ZipFile(self.package.layer) as archive:
            return {name.removeprefix("python/") for name in archive.namelist()}

    @cached_property
    def distributions(self) -> dict[str, Distribution]:
        """Return the layer's packages by name."""
        metadata = [name for name in self.layer if re.fullmatch(r"[^/]+\.dist-info/METADATA", name)]
        with zipfile.ZipFile(self.package.layer) as archive:
            found = [self._distribution(archive, PurePosixPath(name).parent) for name in metadata]
        return {each.name: each for each in found}

    def _distribution(self, archive: zipfile.ZipFile, folder: PurePosixPath) -> Distribution:
        about, wheel = (
            Parser().parsestr(archive.read(f"python/{folder}/{name}").decode()) for name in ("METADATA", "WHEEL")
        )
        tags = frozenset(tag for text in wheel.get_all("Tag", []) for tag in parse_tag(text))
        needed = map(Requirement, about.get_all("Requires-Dist", []))
        requires = {canonicalize_name(each.name) for each in needed if self._holds(each)}
        return Distribution(canonicalize_name(about["Name"]), tags, frozenset(requires))

    def _holds(self, requirement: Requirement) -> bool:
        here = {"python_version": "3.13", "python_full_version": "3.13.0", "sys_platform": "linux", "extra": ""}
        machine = {"platform_machine": ARCHITECTURES[self.architecture]}
        return requirement.marker is None or requirement.marker.evaluate({**here, **machine})

    def imported(self) -> set[str]:
        """Return the top-level names that the function's own code imports from elsewhere."""
        own = {name.partition("/")[0] for name in self.function}
        code = [body for name, body in self.function.items() if name.endswith(".py") and "projects/" not in name]
        tops = {name.partition(".")[0] for body in code for name in imports_of(body)}
        return tops - own

    def modules(self) -> set[str]:
        """Return the names that the layer makes importable."""
        return {name.partition("/")[0].partition(".")[0] for name in self.layer if ".dist-info/" not in name}

    def machines(self) -> set[int]:
        """Return the processors that the layer's binaries are for."""
        with zipfile.ZipFile(self.package.layer) as archive:
            heads = [archive.open(name).read(20) for name in archive.namelist()]
        return {struct.unpack_from("<H", head, 18)[0] for head in heads if head.startswith(b"\x7fELF")}

    def owners(self, module: str) -> set[str]:
        """Return the package that brings a module."""
        return {canonicalize_name(OWNERS.get(module, module))} & set(self.distributions)


OWNERS = {"pythonjsonlogger": "python-json-logger", "_duckdb": "duckdb"}


def runnable_tags(architecture: str) -> set[Tag]:
    """Return the wheel tags that Lambda's Python 3.13 can run."""
    machine = ARCHITECTURES[architecture]
    glibc = [f"manylinux_2_{minor}_{machine}" for minor in range(OLDEST_GLIBC, LAMBDA_GLIBC + 1)]
    platforms = [*glibc, f"manylinux2014_{machine}"]
    return {*cpython_tags((3, 13), platforms=platforms), *compatible_tags((3, 13), "cp313", platforms)}


def from_elsewhere(names: set[str]) -> set[str]:
    """Leave out what Python and Lambda's runtime bring."""
    return names - STANDARD - set(IN_THE_RUNTIME) - {"__future__"}


def with_requirements(names: set[str], known: dict[str, Distribution]) -> set[str]:
    """Return packages and all that they ask for, as far as they are known."""
    found: set[str] = set()
    waiting = set(names)
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= (known[name].requires & set(known)) - found
    return found


def built_for_lambda(architecture: str, probe: Path) -> dict[str, Package]:
    """Return the packages that Lambda gets, by stage; skip the test where nothing can be downloaded."""
    build = Build(on_lambda(architecture), say=silent)
    try:
        return build_packages(build)
    except PackageError:
        if reason := _no_index(replace(build, folder=probe)):
            pytest.skip(f"no package index can be reached, so nothing can be built for Lambda: {reason}")
        raise


def silent(_line: str) -> None:
    """Tell nobody what is built."""


def _no_index(build: Build) -> str:
    """Return why not even the smallest package can be installed, nothing if it can."""
    try:
        build_packages(build, ["extraction"])
    except PackageError as error:
        return str(error).splitlines()[-1]
    return ""
