"""Settings of a project's TOML files, each checked where it is read."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from utils.errors import ConfigurationError
from utils.project_file import read_text


def read_toml(path: Path) -> dict[str, Any]:
    """Return what a project's TOML file says, or raise ConfigurationError that names the file."""
    if not path.exists():
        raise ConfigurationError(f"{path} does not exist. Write it, or name another project.")
    try:
        return tomllib.loads(read_text(path, path.parent))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigurationError(f"{path}: {error}") from error


def refuse_unknown(record: Mapping[str, Any], known: set[str], where: str) -> None:
    """Raise ConfigurationError that names a setting nobody knows, and those that are."""
    if unknown := sorted(set(record) - known):
        raise ConfigurationError(f"{where}: unknown setting {unknown[0]!r}. Known are {', '.join(sorted(known))}.")


def read_name(value: Mapping[str, Any], name: str, default: str | None, where: str) -> str | None:
    """Return a setting that is one name."""
    found = value.get(name, default)
    if found is not None and (not isinstance(found, str) or not found or "\0" in found):
        raise ConfigurationError(f"{where}: {name} must be a name in quotes, not {found!r}.")
    return found


def read_names(value: Mapping[str, Any], name: str, where: str) -> tuple[str, ...]:
    """Return a setting that is a list of columns."""
    found = value.get(name, [])
    if not isinstance(found, list) or not all(isinstance(column, str) for column in found):
        raise ConfigurationError(f'{where}: {name} must be a list of columns, such as ["card_number"].')
    return tuple(found)


def read_flag(value: Mapping[str, Any], name: str, where: str) -> bool:
    """Return a setting that is true or false, false when absent."""
    found = value.get(name, False)
    if not isinstance(found, bool):
        raise ConfigurationError(f"{where}: {name} must be true or false.")
    return found


def read_positive(value: Mapping[str, Any], name: str, default: int, where: str) -> int:
    """Return a setting that is a whole number from one up."""
    return read_whole_number(value, name, default, where, least=1)


def read_whole_number(value: Mapping[str, Any], name: str, default: int, where: str, *, least: int) -> int:
    """Return a setting that is a whole number, `least` or more."""
    found = value.get(name, default)
    if not isinstance(found, int) or isinstance(found, bool) or not least <= found < 2**63:
        raise ConfigurationError(f"{where}: {name} must be a whole number from {least} up.")
    return found


def read_share(value: Mapping[str, Any], name: str, default: float | None, where: str) -> float | None:
    """Return a setting that is a share from 0 to 1."""
    found = value.get(name, default)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found <= 1:
        raise ConfigurationError(f"{where}: {name} must be from 0 to 1; 0.25 is a quarter.")
    return float(found)


def read_table(value: Mapping[str, Any], name: str, where: str) -> Mapping[str, Any]:
    """Return a setting that is a table of settings, empty when absent."""
    found = value.get(name, {})
    if not isinstance(found, dict):
        raise ConfigurationError(f"{where}: {name} must be a table of settings, such as [{name}].")
    return found
