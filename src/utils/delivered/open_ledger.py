"""Which delivery ledger a name means."""

from pathlib import Path

from utils.delivered.ledger import DeliveryLedger
from utils.errors import ConfigurationError

DYNAMODB = "dynamodb://"


def open_ledger(name: str) -> DeliveryLedger:
    """Open `dynamodb://table` or a SQLite file, which is created when first used."""
    if not name.removeprefix(DYNAMODB):
        raise ConfigurationError("The delivery ledger has no name. Give dynamodb://table or a file.")
    if name.startswith(DYNAMODB):
        from utils.delivered.dynamodb import DynamoLedger  # one machine does not wait for boto3

        return DynamoLedger(name.removeprefix(DYNAMODB))
    if "://" in name:
        raise ConfigurationError(f"The delivery ledger {name} is neither dynamodb://table nor a file.")
    from utils.delivered.sqlite import SqliteLedger  # on Lambda there is no file to keep

    return SqliteLedger(Path(name).expanduser())
