"""What an API Gateway proxy event brings: the parsed JSON of its body, its sender and its Idempotency-Key."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from extraction.api.refusal import refuse_post
from utils.delivery_project import IngestLimits

MAX_WHOLE_LENGTH = 20  # a sign and the digits of 64 bits; Python refuses to read much longer ones as int
# What API Gateway, which hands bodies on as text, makes of each byte that is none: other texts would become one.
REPLACED = "\ufffd"
NOT_UTF_8 = (
    r"The body is not UTF-8, or holds U+FFFD, which stands for lost characters. Write \ufffd where that is meant."
)
IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")

Event = Mapping[str, Any]


@dataclass(frozen=True)
class Post:
    """One POST as it came: its records still unchecked."""

    records: list[Any]
    received: datetime  # UTC
    sender: str  # the id, not the value, of the API key that it came with
    idempotency_key: str | None = None


class RepeatedNames(dict[str, Any]):
    """A JSON object that says a name twice; parsers differ in which of the two they keep."""


def read_post(event: Event, limits: IngestLimits, received: datetime) -> Post:
    """Return the POST that an event brings, or raise RefusedError."""
    _check_content(event)
    return Post(
        records=_records(_body(event, limits.max_bytes), limits.max_records),
        received=received,
        sender=_sender(event),
        idempotency_key=_idempotency_key(event),
    )


def _header(event: Event, name: str) -> list[str]:
    """Return a header's different values; names of headers know no case."""
    single = [(key, [value]) for key, value in (event.get("headers") or {}).items()]
    multiple = (event.get("multiValueHeaders") or {}).items()
    values = [value for key, found in (*single, *multiple) if key.lower() == name for value in found or ()]
    return list(dict.fromkeys(value.strip() for value in values if value is not None))


def _check_content(event: Event) -> None:
    kinds = {value.lower().replace(" ", "").replace('"', "") for value in _header(event, "content-type")}
    if kinds - {"application/json", "application/json;charset=utf-8"}:
        raise refuse_post("Content-Type must be application/json.")
    if {value.lower() for value in _header(event, "content-encoding")} - {"identity"}:
        raise refuse_post("Content-Encoding is not known here; send the JSON as it is.")


def _sender(event: Event) -> str:
    identity = (event.get("requestContext") or {}).get("identity") or {}
    return str(identity.get("apiKeyId") or "")


def _idempotency_key(event: Event) -> str | None:
    values = _header(event, "idempotency-key")
    if not values:
        return None
    if len(values) > 1 or not IDEMPOTENCY_KEY.fullmatch(values[0]):
        raise refuse_post("Idempotency-Key must be one value of 1 to 255 visible ASCII characters.")
    return values[0]


def _body(event: Event, max_bytes: int) -> str:
    try:
        body = (event.get("body") or "").encode()
        if event.get("isBase64Encoded"):
            body = base64.b64decode(body, validate=True)
        text = body.decode()
    except (UnicodeError, binascii.Error) as error:
        raise refuse_post("The body is not UTF-8.") from error
    if REPLACED in text:
        raise refuse_post(NOT_UTF_8)
    if len(body) > max_bytes:
        raise refuse_post(f"The body is larger than {max_bytes} bytes. Send it in several POSTs.")
    return text


def _records(body: str, max_records: int) -> list[Any]:
    if not body.strip():
        raise refuse_post("The body is empty. Send one record or an array of records.")
    found = _parse(body)
    records = found if isinstance(found, list) else [found]
    if not records:
        raise refuse_post("The array holds no record.")
    if len(records) > max_records:
        raise refuse_post(f"More than {max_records} records. Send them in several POSTs.")
    return records


def _parse(body: str) -> Any:
    try:
        return json.loads(body, object_pairs_hook=_object, parse_int=_whole_number)
    except json.JSONDecodeError as error:
        raise refuse_post(f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.") from error
    except RecursionError as error:
        raise refuse_post("The JSON is nested too deeply; a record is flat.") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else RepeatedNames(found)


def _whole_number(text: str) -> int | float:
    return int(text) if len(text) <= MAX_WHOLE_LENGTH else float(text)
