"""Connections to PostgreSQL: verified TLS, no Nagle delay, COPY at the server's speed, errors with names."""

import contextlib
import re
import socket
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pg8000 import native
from pg8000.core import Context
from pg8000.exceptions import DatabaseError, InterfaceError

from utils.errors import (
    AccessDeniedError,
    ConfigurationError,
    PipelineError,
    QueryError,
    ResourceExhaustedError,
    RetryableError,
    WarehouseBusyError,
    WarehouseUnavailableError,
)
from utils.postgres.copy_in import CopyIn
from utils.postgres.copy_out import CopyOut
from utils.postgres.names import literal
from utils.postgres.url import DatabaseUrl

MAX_WHERE = 300  # characters
COPIED = re.compile(r"^(COPY [^\n]+?, line \d+)[:,].*", re.MULTILINE | re.DOTALL)  # the rest quotes a row
CONNECT_SECONDS = 15  # longer than a cross-region TLS handshake, shorter than anyone's patience
KEEPALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}  # a dead peer shows within a minute

# Whatever ALTER ROLE or ALTER DATABASE set: values arrive in one form, no row is hidden, no statement is cut short.
SETTINGS = {
    "client_encoding": "UTF8",
    "standard_conforming_strings": "on",
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "3",
    "xmlbinary": "base64",
    "xmloption": "content",
    "lc_monetary": "C",
    "array_nulls": "on",  # else a NULL in an array is read as the word
    "transform_null_equals": "off",
    "quote_all_identifiers": "off",
    "row_security": "off",  # an error in place of rows that are not shown
    "statement_timeout": "0",
    "transaction_timeout": "0",
    "idle_session_timeout": "0",
    # The server's own two hours are long for a COPY whose client is gone, and with it the locks of its load.
    "tcp_keepalives_idle": "60",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "6",
}

WRONG_PASSWORD = "Correct the password: in PGPASSWORD, the pgpass file, the URL or the secret."  # noqa: S105
DENIED = {"28000": "", "28P01": WRONG_PASSWORD, "42501": ""}
EXHAUSTED = {"53100", "53200"}
BUSY = "55P03"
PASSING_CLASSES = ("08", "57P", "53", "40")  # connection, operator, resources, serialization
PASSING = {"57014", "25P03", BUSY}
READ_ONLY = "25006"  # of the warehouse: a replica that is about to be promoted
ENCODING = {"22021", "22P05"}


class Connection(native.Connection):  # type: ignore[misc] # pg8000 ships no types
    """One session; leaving its `with` block closes it and so rolls back what was not committed."""

    def handle_messages(self, context: Context) -> None:
        """Take the answer to a statement; a server that ends the session says why before it closes."""
        try:
            super().handle_messages(context)
        except InterfaceError:
            if context.error is None:
                raise
            raise context.error from None

    def copy_out(self, statement: str, max_row_bytes: int) -> CopyOut:
        """Start `COPY ... TO STDOUT` and return its rows as an iterable of blocks."""
        self.send_QUERY(statement)
        self._sock.flush()
        return CopyOut(self, Context(statement), max_row_bytes)

    def copy_in(self, statement: str, blocks: Iterable[bytes]) -> int:
        """Feed blocks to `COPY ... FROM STDIN` and return the number of rows it took."""
        feed = CopyIn(self, blocks)
        try:
            self.run(statement, stream=feed)
        except DatabaseError:
            if feed.error is None:
                raise
            raise feed.error from None
        return int(self.row_count)

    def rows(self, statement: str, **parameters: object) -> list[dict[str, Any]]:
        """Run a statement and return its rows by column name."""
        found = self.run(statement, **parameters)
        return [dict(zip([column["name"] for column in self.columns], row, strict=True)) for row in found or ()]

    def value(self, statement: str, **parameters: object) -> Any:
        """Run a statement and return its first value, None when it has no row."""
        found = self.run(statement, **parameters)
        return found[0][0] if found else None


@dataclass(frozen=True)
class Role:
    """Which of the two databases a connection reaches, and so how its errors are named."""

    name: str  # "source" or "warehouse"
    unavailable: type[RetryableError]


@contextlib.contextmanager
def connect(url: DatabaseUrl, role: Role) -> Iterator[Connection]:
    """Open a session, close it at the end, and name every error on the way."""
    with named_errors(url, role):
        connection = _open(url, role)
        try:
            _settle(connection)
            yield connection
        finally:
            with contextlib.suppress(InterfaceError, OSError):
                connection.close()


def _open(url: DatabaseUrl, role: Role) -> Connection:
    password = "" if url.password is None else url.password  # given none, pg8000 fails on SCRAM with no clear error
    where = {"unix_sock": f"{url.host}/.s.PGSQL.{url.port}"} if url.host.startswith("/") else {"host": url.host}
    connection = Connection(
        url.user,
        **where,
        port=url.port,
        database=url.database,
        password=password,
        ssl_context=url.ssl_context(),
        timeout=CONNECT_SECONDS,
        application_name=f"starlift {role.name}",
    )
    _tune(connection._usock)
    return connection


def _tune(sock: socket.socket) -> None:
    sock.settimeout(None)  # the connect timeout must not cut a long COPY
    if sock.family == socket.AF_UNIX:
        return
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for name, seconds in KEEPALIVE.items():
        if option := getattr(socket, name, None):
            sock.setsockopt(socket.IPPROTO_TCP, option, seconds)


def _settle(connection: Connection) -> None:
    """Make the session independent of the role's own settings, as far as the server's version has them."""
    wanted = ", ".join(f"({literal(name)}, {literal(value)})" for name, value in SETTINGS.items())
    # pg_catalog comes first where it is not named, so that nobody's function stands before the server's own.
    connection.execute_simple(
        """SET search_path = "$user", public; """
        f"SELECT pg_catalog.set_config(s.name, v.value, false) FROM (VALUES {wanted}) v (name, value) "
        "JOIN pg_catalog.pg_settings s ON s.name = v.name"
    )


@contextlib.contextmanager
def named_errors(url: DatabaseUrl, role: Role) -> Iterator[None]:
    """Translate the driver's errors into the pipeline's, once."""
    try:
        yield
    except DatabaseError as error:
        raise _named(error, url, role) from error
    except (InterfaceError, OSError) as error:
        raise _unreachable(error, url, role) from error


def _unreachable(error: Exception, url: DatabaseUrl, role: Role) -> PipelineError:
    text = f"{error} {error.__cause__ or ''}"
    where = f"The {role.name} database {url}"
    if "Server refuses SSL" in text:
        return ConfigurationError(
            f"{where} offers no TLS. Turn TLS on there; only on this machine may the URL say ?sslmode=disable."
        )
    if "certificate" in text.lower():
        return ConfigurationError(
            f"{where} shows a certificate that does not verify: {error.__cause__ or error}. "
            "Name its authority with ?sslrootcert=FILE."
        )
    return role.unavailable(
        f"{where} cannot be reached: {error.__cause__ or error}. Is it running, and reachable from here?"
    )


def _named(error: DatabaseError, url: DatabaseUrl, role: Role) -> PipelineError:
    report = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    state, message = report.get("C", ""), report.get("M", str(error))
    said = f"The {role.name} database {url} says: {message} (SQLSTATE {state})."
    if state in DENIED:
        remedy = DENIED[state] or f"Grant {url.user} what it needs, or correct the URL."
        return AccessDeniedError(f"{said} {remedy}", sqlstate=state)
    if state == BUSY and role.unavailable is WarehouseUnavailableError:
        return WarehouseBusyError(f"{said} Another load is at work; this one is retried.", sqlstate=state)
    if state in EXHAUSTED:
        return ResourceExhaustedError(f"{said} Give it more disk or memory.", sqlstate=state)
    if state in PASSING or state.startswith(PASSING_CLASSES) or (state == READ_ONLY and role.name != "source"):
        return role.unavailable(said, sqlstate=state)
    if state in {"3D000"}:
        return ConfigurationError(f"{said} Correct the URL.", sqlstate=state)
    if state in ENCODING:
        said += " Correct the text there, or make it another encoding's; exclude in pipeline.toml leaves a column out."
    return QueryError(f"{said}{_where(report)}", sqlstate=state, detail=report.get("D"), hint=report.get("H"))


def _where(report: Mapping[str, str]) -> str:
    """Return where the server says it was, and which line was being copied, without what stood there."""
    where = COPIED.sub(r"\1", report.get("W", ""))
    return f" In: {where[:MAX_WHERE]}" if where else ""
