"""Where records are delivered to, and the header that opens the door."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any
from urllib.parse import SplitResult, urlsplit

from utils.errors import ConfigurationError

NEEDED = ("url", "header_name", "header_value")  # fields of the secret
PRINTABLE = re.compile(r"[!-~]+")
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # a token of RFC 9110
HEADER_VALUE = re.compile(r"[!-~]([ -~]*[!-~])?")
OUR_HEADERS = {"host", "content-type", "content-length", "transfer-encoding", "connection", "idempotency-key"}


@dataclass(frozen=True)
class Endpoint:
    """An HTTP address; nothing of it but its origin is ever shown, as paths and queries may hold secrets too."""

    origin: str
    host: str
    port: int
    is_tls: bool
    target: str = field(repr=False)  # path and query
    header: tuple[str, str] = field(repr=False)


def parse_endpoint(secret: Mapping[str, Any], name: str) -> Endpoint:
    """Return the endpoint that a secret describes, or raise ConfigurationError that repeats none of its values."""
    url, header, value = (str(secret[field]) for field in NEEDED)
    _check_header(header, value, name)
    parts = _split(url, name)
    host, is_tls = str(parts.hostname), parts.scheme == "https"
    port = parts.port or (443 if is_tls else 80)
    return Endpoint(
        origin=f"{parts.scheme}://{host}:{port}",
        host=host,
        port=port,
        is_tls=is_tls,
        target=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        header=(header, value),
    )


def _split(url: str, name: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        is_whole = bool(_encoded(parts.hostname) and PRINTABLE.fullmatch(url)) and parts.port != 0
    except ValueError:  # a port that is no number, or no name of a host; their text is not repeated
        is_whole = False
    if not is_whole or parts.username is not None or parts.fragment:
        raise ConfigurationError(
            f"The secret {name}: url is not of the form https://host[:port]/path. A login belongs in the header."
        )
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(str(parts.hostname))):
        raise ConfigurationError(
            f"The secret {name}: url must begin with https://, or the header could be read by all."
        )
    return parts


def _encoded(host: str | None) -> bytes:
    """Return a host's name as it is looked up, or raise ValueError."""
    return (host or "").encode("idna")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_header(header: str, value: str, name: str) -> None:
    if not HEADER_NAME.fullmatch(header) or header.lower() in OUR_HEADERS:
        raise ConfigurationError(f"The secret {name}: header_name is no header that a login may be in.")
    if not HEADER_VALUE.fullmatch(value):
        raise ConfigurationError(f"The secret {name}: header_value may hold printable ASCII only, on one line.")
