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
