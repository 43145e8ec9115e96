"""What a package is built for: an interpreter and a processor, and how pip names them."""

import platform
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from packaging.markers import Marker

LAMBDA_PYTHON = "3.13"
ARCHITECTURES: Mapping[str, str] = {"x86_64": "x86_64", "arm64": "aarch64"}  # Lambda's word: the kernel's
OLDEST_GLIBC, LAMBDA_GLIBC = 17, 34  # 2.34 is Amazon Linux 2023's; wheels for an older one run there too
PIN = re.compile(r"(?P<name>\S+==\S+)( ; (?P<marker>.*?))?(?P<hashes>(\s+--hash=\S+)+)")


@dataclass(frozen=True)
class Target:
    """An interpreter and a processor that packages are built for."""

    python: str
    architecture: str  # Lambda's word
    is_here: bool = False  # the interpreter that builds, whatever system it runs on

    @property
    def name(self) -> str:
        """Return the folder that this target's packages are written to, below build/."""
        system = "" if sys.platform == "linux" or not self.is_here else f"-{sys.platform}"
        return f"python{self.python}-{self.architecture}{system}"

    def pip_options(self) -> list[str]:
        """Return what makes pip choose wheels for this target."""
        if self.is_here:
            return []
        machine = ARCHITECTURES[self.architecture]
        tags = [f"manylinux_2_{minor}_{machine}" for minor in range(LAMBDA_GLIBC, OLDEST_GLIBC - 1, -1)]
        platforms = [part for tag in [*tags, f"manylinux2014_{machine}"] for part in ("--platform", tag)]
        interpreter = ["--python-version", self.python, "--implementation", "cp", "--only-binary", ":all:"]
        # Older pips hold the interpreter that runs them against a wheel's Requires-Python; the tags decide here.
        return [*platforms, *interpreter, "--ignore-requires-python"]

    def locked(self, lock: str) -> str:
        """Return the requirements of a lock that this target needs.

        pip asks the interpreter that runs it whether a marker holds, whatever it downloads for.
        """
        if self.is_here:
            return lock
        pins = [_pin(line.strip()) for line in lock.replace("\\\n", " ").splitlines() if line.strip()]
        return "".join(f"{pin['name']}{pin['hashes']}\n" for pin in pins if self._needs(pin["marker"]))

    def _needs(self, marker: str | None) -> bool:
        return marker is None or Marker(marker).evaluate(self._environment())

    def _environment(self) -> dict[str, str]:
        return {
            "python_version": self.python,
            "python_full_version": f"{self.python}.0",
            "implementation_name": "cpython",
            "platform_python_implementation": "CPython",
            "os_name": "posix",
            "sys_platform": "linux",
            "platform_system": "Linux",
            "platform_machine": ARCHITECTURES[self.architecture],
        }


def here() -> Target:
    """Return the target of the interpreter at hand, for tests, the demo and `starlift invoke`."""
    machine = platform.machine()
    architecture = next((ours for ours, kernels in ARCHITECTURES.items() if machine in {ours, kernels}), machine)
    return Target(f"{sys.version_info.major}.{sys.version_info.minor}", architecture, is_here=True)


def on_lambda(architecture: str) -> Target:
    """Return the target that functions are deployed to."""
    return Target(LAMBDA_PYTHON, architecture)


def _pin(line: str) -> re.Match[str]:
    found = PIN.fullmatch(line)
    if not found:
        raise ValueError(f"A lock holds {line[:80]!r}, which is no version pinned with hashes. Run `make lock`.")
    return found
