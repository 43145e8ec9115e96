"""One session of a database: what callers need of it, transactions that do not depend on the role, named states."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from pg8000.exceptions import DatabaseError, InterfaceError

from utils.postgres.names import literal

SETTINGS = {
    # A killed Lambda must not hold the lock for hours; the longest pause between two statements is a second.
    "idle_in_transaction_session_timeout": "300s",
    "statement_timeout": "0",  # a first load is one long statement
    "search_path": "",
    "client_encoding": "UTF8",
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "3",
    "array_nulls": "on",  # off, {NULL} would be read as a text
    "lc_monetary": "C",  # as extraction has written it; elsewhere "1,00" may be a hundred
    "xmloption": "content",
    "standard_conforming_strings": "on",
    "work_mem": "64MB",  # joins of a large batch stay in memory; an instance of 1 GB bears it, loads take turns
    "maintenance_work_mem": "128MB",  # indexes of a first load
}


class Session(Protocol):
    """One session of a database."""

    @property
    def row_count(self) -> int:
        """How many rows the last statement wrote or returned."""
        ...

    @property
    def columns(self) -> list[dict[str, Any]]:
        """The last result's columns, with `type_oid` and `type_modifier`."""
        ...

    def run(self, sql: str, **parameters: object) -> list[list[Any]] | None:
        """Run a statement and return its rows."""
        ...

    def rows(self, statement: str, **parameters: object) -> list[dict[str, Any]]:
        """Run a statement and return its rows by column name."""
        ...

    def value(self, statement: str, **parameters: object) -> Any:
        """Run a statement and return its first value, None when it has no row."""
        ...

    def copy_in(self, statement: str, blocks: Iterable[bytes]) -> int:
        """Feed blocks to `COPY ... FROM STDIN` and return the number of rows it took."""
        ...

    def close(self) -> None:
        """End the session; the server rolls back what was not committed."""
        ...


@contextlib.contextmanager
def transaction(session: Session, lock_seconds: float) -> Iterator[None]:
    """Commit what the block wrote, or nothing of it."""
    session.run("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
    try:
        session.run(_set({**SETTINGS, "lock_timeout": f"{lock_seconds * 1000:.0f}ms"}))
        yield
        session.run("COMMIT")
    except Exception:
        with contextlib.suppress(InterfaceError, DatabaseError, OSError):
            session.run("ROLLBACK")
        raise
    except BaseException:  # such as Ctrl-C: ROLLBACK would wait for the answer that was not read to its end
        with contextlib.suppress(InterfaceError, OSError):
            session.close()
        raise


def _set(settings: Mapping[str, str]) -> str:
    calls = (f"set_config({literal(name)}, {literal(value)}, true)" for name, value in settings.items())
    return f"SELECT {', '.join(calls)}"


@contextlib.contextmanager
def closed_on_failure(session: Session) -> Iterator[None]:
    """Close the session when the block is left halfway: a COPY that was begun can neither go on nor be rolled back."""
    finished = False
    try:
        yield
        finished = True
    finally:
        if not finished:
            with contextlib.suppress(InterfaceError, OSError):
                session.close()


def sqlstate(error: DatabaseError) -> str:
    """Return the five characters by which PostgreSQL names what is wrong."""
    report = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    return str(report.get("C", ""))
