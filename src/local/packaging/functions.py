"""The Lambda functions: what each is entered by, and which packages it imports."""

from collections.abc import Mapping
from types import MappingProxyType

HANDLERS: Mapping[str, str] = MappingProxyType(
    {
        "extraction": "extraction.database.handler.lambda_handler",
        "transformation": "transformation.star_schema.handler.lambda_handler",
        "load": "load.warehouse.handler.lambda_handler",
        "file_drop": "load.files.handler.lambda_handler",
        "exports": "extraction.exports.handler.lambda_handler",
        "delta": "transformation.delta.handler.lambda_handler",
        "changes": "load.changes.handler.lambda_handler",
        "ingest": "extraction.api.handler.lambda_handler",
        "query": "transformation.query.handler.lambda_handler",
        "delivery": "load.delivery.handler.lambda_handler",
    }
)
FUNCTIONS = tuple(HANDLERS)
LOCKS: Mapping[str, str] = MappingProxyType(  # where another function imports the same packages
    {"changes": "extraction", "ingest": "exports", "delivery": "exports"}
)
STAGES = ("extraction", "transformation", "load")  # of a warehouse run, in their order


def lock_name(stage: str) -> str:
    """Return which of requirements/ a function's layer is made from."""
    return LOCKS.get(stage, stage)
