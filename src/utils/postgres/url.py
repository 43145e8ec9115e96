"""Database URLs: where a PostgreSQL is, who connects, and whether TLS is verified."""

import ipaddress
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from utils.errors import ConfigurationError

VERIFIED = {"verify-full", "verify-ca"}
UNVERIFIED = {"disable", "allow", "prefer", "require"}
FORM = "postgresql://user:password@host:port/database?sslmode=..."


@dataclass(frozen=True)
class DatabaseUrl:
    """One PostgreSQL database and how to reach it; printing it never shows the password."""

    host: str
    port: int
    database: str
    user: str
    password: str | None = field(repr=False, default=None)
    sslmode: str = "verify-full"
    sslrootcert: str | None = None

    def __post_init__(self) -> None:
        """Refuse what would send a password, or rows, over a network unverified."""
        if self.sslmode not in VERIFIED | UNVERIFIED:
            raise ConfigurationError(f"sslmode={self.sslmode} is unknown; use verify-full, or disable on loopback.")
        if self.sslmode in UNVERIFIED and not self.is_local:
            raise ConfigurationError(
                f"sslmode={self.sslmode} is only for a server on this machine, and {self.host} is not one. "
                "Use sslmode=verify-full, with sslrootcert=FILE if its authority is not a public one."
            )

    def __str__(self) -> str:
        """Return the URL without its password."""
        return f"postgresql://{self.user}@{self.host}:{self.port}/{self.database}"

    @property
    def is_local(self) -> bool:
        """Tell whether the server is reached without leaving this machine."""
        if self.host.startswith("/") or self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def ssl_context(self) -> ssl.SSLContext | bool:
        """Return the context that verifies the server, or False for plain text on loopback.

        pg8000 verifies nothing when it gets no context, so it always gets one or an explicit False.
        """
        if self.sslmode in {"disable", "allow", "prefer"} or self.host.startswith("/"):
            return False
        try:
            context = ssl.create_default_context(cafile=self.sslrootcert)
        except OSError as error:
            raise ConfigurationError(f"sslrootcert={self.sslrootcert} cannot be read: {error.strerror}.") from error
        context.check_hostname = self.sslmode == "verify-full"
        if self.sslmode == "require":
            context.verify_mode = ssl.CERT_NONE
        return context


def parse_url(text: str, environment: Mapping[str, str] = os.environ) -> DatabaseUrl:
    """Read a `postgresql://` URL; a missing password comes from PGPASSWORD or the pgpass file.

    Raises:
        ConfigurationError: the text is not such a URL. The message never repeats the password.
    """
    parts = urlsplit(text)
    options = dict(parse_qsl(parts.query))
    try:
        port = parts.port or 5432
    except ValueError:
        raise ConfigurationError(f"The database URL's port is not a number. It has the form {FORM}.") from None
    if parts.scheme not in {"postgresql", "postgres"} or not parts.path.strip("/"):
        raise ConfigurationError(f"That is not a database URL. It has the form {FORM}.")
    if unknown := set(options) - {"sslmode", "sslrootcert", "host"}:
        raise ConfigurationError(f"The database URL has an unknown option {min(unknown)!r}. It has the form {FORM}.")
    url = DatabaseUrl(
        host=options.get("host") or unquote(parts.hostname or "localhost"),
        port=port,
        database=unquote(parts.path.strip("/")),
        user=unquote(parts.username or environment.get("PGUSER") or environment.get("USER") or "postgres"),
        password=None if parts.password is None else unquote(parts.password),
        sslmode=options.get("sslmode", "verify-full"),
        sslrootcert=options.get("sslrootcert"),
    )
    return url if url.password else replace(url, password=_password(url, environment))


def _password(url: DatabaseUrl, environment: Mapping[str, str]) -> str | None:
    if password := environment.get("PGPASSWORD"):
        return password
    path = Path(environment.get("PGPASSFILE") or Path(environment.get("HOME", "~")).expanduser() / ".pgpass")
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    if path.stat().st_mode & 0o077:  # libpq ignores a file that others can read, and so must we
        return None
    wanted = (url.host, str(url.port), url.database, url.user)
    return next((entry[4] for entry in map(_pgpass_fields, lines) if _matches(entry, wanted)), None)


def _pgpass_fields(line: str) -> list[str]:
    """Split a pgpass line at its colons; a backslash makes a colon or a backslash literal."""
    fields, escaped = [""], False
    for character in line:
        if character == "\\" and not escaped:
            escaped = True
        elif character == ":" and not escaped:
            fields.append("")
        else:
            fields[-1] += character
            escaped = False
    return fields


def _matches(entry: list[str], wanted: tuple[str, ...]) -> bool:
    return len(entry) == 5 and all(mine in ("*", theirs) for mine, theirs in zip(entry, wanted, strict=False))
