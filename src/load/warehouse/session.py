"""One transaction a batch: settings that do not depend on the role, and the lock that makes loads take turns."""

import contextlib
from collections.abc import Iterator, Mapping

from pg8000.exceptions import DatabaseError, InterfaceError

from load.warehouse.ports import Session
from utils.errors import DuplicateKeyError
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
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('starlift load ' || :schema, 0))"
DUPLICATE = {"21000", "23505"}


@contextlib.contextmanager
def transaction(session: Session, lock_seconds: float) -> Iterator[None]:
    """Commit what the block wrote, or nothing of it."""
    session.run("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
    try:
        session.run(_set({**SETTINGS, "lock_timeout": f"{lock_seconds * 1000:.0f}ms"}))
        yield
        session.run("COMMIT")
    except BaseException:
        with contextlib.suppress(InterfaceError, DatabaseError, OSError):
            session.run("ROLLBACK")
        raise


def _set(settings: Mapping[str, str]) -> str:
    calls = (f"set_config({literal(name)}, {literal(value)}, true)" for name, value in settings.items())
    return f"SELECT {', '.join(calls)}"


def lock_warehouse(session: Session, schema: str) -> None:
    """Wait until no other load is at work, no longer than lock_timeout."""
    session.run(LOCK, schema=schema)


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


@contextlib.contextmanager
def named_duplicates(table: str) -> Iterator[None]:
    """Name the one mistake of a model that only the merge can see."""
    try:
        yield
    except DatabaseError as error:
        if sqlstate(error) not in DUPLICATE:
            raise
        raise DuplicateKeyError(
            f"Two rows of {table} in this batch have the same key, or rows were written to it by hand. "
            "Correct the model's key, or remove those rows.",
            table=table,
        ) from error
