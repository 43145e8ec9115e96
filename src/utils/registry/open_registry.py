"""Which registry a name means."""

from pathlib import Path

from utils.errors import ConfigurationError
from utils.registry.store import RegistryStore

DYNAMODB = "dynamodb://"


def open_registry(name: str) -> RegistryStore:
    """Open `dynamodb://table` or a SQLite file, which is created when first used."""
    if not name.removeprefix(DYNAMODB):
        raise ConfigurationError("The registry has no name. Give dynamodb://table or a file.")
    if name.startswith(DYNAMODB):
        from utils.registry.dynamodb import DynamoRegistry  # one machine does not wait for boto3

        return DynamoRegistry(name.removeprefix(DYNAMODB))
    if "://" in name:
        raise ConfigurationError(f"The registry {name} is neither dynamodb://table nor a file.")
    from utils.registry.sqlite import SqliteRegistry  # on Lambda there is no file to keep

    return SqliteRegistry(Path(name).expanduser())


def open_known_registry(name: str) -> RegistryStore:
    """Open a registry to look at: a file that is not there is a mistyped name, not an empty registry."""
    if name and "://" not in name and not Path(name).expanduser().exists():
        raise ConfigurationError(f"There is no registry {name}. Correct --registry; `starlift exports run` makes one.")
    return open_registry(name)
