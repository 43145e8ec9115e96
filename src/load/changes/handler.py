"""The changes Lambda: apply what a shard of the stream delivers to the target database."""

import logging
import os
from collections.abc import Sequence
from typing import Any

from load.changes.pipeline import Refused, apply_records
from load.changes.records import Record, record_number
from load.changes.wiring import Config, open_lambda_ports
from utils import log

log.configure("changes")
logger = logging.getLogger(__name__)


@log.logs_failures
def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Apply a delivery, and answer with the first record that must come again."""
    records = event["Records"]
    log.bind(shard=records[0]["eventID"].partition(":")[0] if records else None)
    with open_lambda_ports(Config.from_env(os.environ)) as ports:
        outcome = apply_records(records, ports)
    logger.info("changes applied", extra={"records": len(records), "tables": outcome.counts})
    return {"batchItemFailures": _failures(outcome.refused, records)}


def _failures(refused: Refused | None, records: Sequence[Record]) -> list[dict[str, str]]:
    """Return the refused record, which is told of by its names and never by its values.

    Where it is the first of several the delivery fails as a whole: Lambda then halves it, which costs no retry, until
    the record stands alone. Only it goes to the failure destination after its retries, not all that came with it.
    """
    if refused is None:
        return []
    names = {"record": refused.number, "change": refused.change}
    if len(records) > 1 and record_number(records[0]) == refused.number:
        refused.error.fields |= names
        raise refused.error
    told = {"error_type": type(refused.error).__name__, "error": str(refused.error), "fields": refused.error.fields}
    logger.critical("change refused", extra={**told, **names})
    return [{"itemIdentifier": refused.number}]
