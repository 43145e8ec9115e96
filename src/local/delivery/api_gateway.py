"""An API Gateway REST API in small, on this machine: a WSGI application that hands each POST to the real handler.

It asks for the key, knows one route, keeps the two size limits of AWS, and answers in API Gateway's own words.
"""

import hashlib
import json
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from werkzeug.datastructures import Headers
from werkzeug.wrappers import Request, Response

MAX_REQUEST_BYTES = 10_000_000  # API Gateway's
MAX_EVENT_BYTES = 6 << 20  # Lambda's, for the event with the body quoted inside it

Handler = Callable[[dict[str, Any], object], dict[str, Any]]


@dataclass(frozen=True)
class RestApi:
    """One method of one resource, as API Gateway would offer it."""

    handler: Handler
    key: str  # its value, as callers send it in x-api-key
    path: str = "/ingest"

    def __call__(self, environment: Any, start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        return self.answer(Request(environment))(environment, start_response)

    def answer(self, request: Request) -> Response:
        """Return what API Gateway would."""
        if request.path != self.path or request.method != "POST":
            return _own_answer(HTTPStatus.FORBIDDEN, "Missing Authentication Token")
        if request.headers.get("x-api-key") != self.key:
            return _own_answer(HTTPStatus.FORBIDDEN, "Forbidden")
        body = request.get_data()
        event = proxy_event(request, body)
        if len(body) > MAX_REQUEST_BYTES or len(json.dumps(event)) > MAX_EVENT_BYTES:
            return _own_answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Request Too Long")
        return _response(self.handler(event, None))


def proxy_event(request: Request, body: bytes) -> dict[str, Any]:
    """Return the event that a Lambda proxy integration is invoked with."""
    return {
        "resource": request.path,
        "path": request.path,
        "httpMethod": request.method,
        "headers": dict(request.headers),
        "multiValueHeaders": {name: request.headers.getlist(name) for name in request.headers.keys()},  # noqa: SIM118
        "requestContext": {
            "requestId": str(uuid.uuid4()),
            "identity": {"apiKeyId": _key_id(request.headers.get("x-api-key", ""))},
        },
        "body": body.decode(errors="replace") or None,  # as where no media type is declared to be binary
        "isBase64Encoded": False,
    }


def _key_id(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()[:10]


def _own_answer(status: HTTPStatus, message: str) -> Response:
    return Response(json.dumps({"message": message}), status, mimetype="application/json")


def _response(answer: dict[str, Any]) -> Response:
    return Response(answer["body"], answer["statusCode"], Headers(answer["headers"]))
