"""Answers in the form that API Gateway's proxy integration takes."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from extraction.api.pipeline import Stored
from extraction.api.refusal import Reason, RefusedError

MAX_REASONS = 100  # of one answer; a sender who mends those has mended the rest, and an answer is at most 6 MiB
# No CORS: senders are programs with a key, and a page in a browser would show that key to everyone.
HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Content-Type": "application/json",
        "Cache-Control": "no-store",
        "Strict-Transport-Security": "max-age=31536000",
        "X-Content-Type-Options": "nosniff",
    }
)

Answer = dict[str, Any]


def accepted(stored: Stored) -> Answer:
    """Return the answer to a POST whose records are all stored."""
    return _answer(HTTPStatus.OK, {"count": stored.count, "stored": stored.new, "objectKeys": stored.keys})


def refused(error: RefusedError) -> Answer:
    """Return the answer to a POST that is wrong, with the reasons."""
    reasons = [_reason(reason) for reason in error.reasons[:MAX_REASONS]]
    more = len(error.reasons) - len(reasons)
    return _answer(error.status, {"error": str(error), "reasons": reasons, "moreReasons": more})


def unavailable() -> Answer:
    """Return the answer to a POST whose records could not be stored, or not all."""
    sentence = "The store failed before every record was stored. Send the same POST again; what is stored stays once."
    return _answer(HTTPStatus.INTERNAL_SERVER_ERROR, {"error": sentence})


def _reason(reason: Reason) -> dict[str, Any]:
    told = {"index": reason.index, "field": reason.field, "reason": reason.reason}
    return {name: value for name, value in told.items() if value is not None}


def _answer(status: HTTPStatus, body: Mapping[str, Any]) -> Answer:
    return {"statusCode": int(status), "headers": dict(HEADERS), "body": json.dumps(body), "isBase64Encoded": False}
