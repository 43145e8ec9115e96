"""Settings from the environment, every missing one named at once."""

from collections.abc import Iterable, Mapping

from utils.errors import ConfigurationError


def check_present(environment: Mapping[str, str], needed: Iterable[str]) -> None:
    """Raise ConfigurationError that names every setting which is missing or empty."""
    missing = [name for name in needed if not environment.get(name)]
    if missing:
        raise ConfigurationError(f"The environment lacks {', '.join(missing)}. Set them on the function.")
