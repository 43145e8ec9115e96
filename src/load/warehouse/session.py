"""The lock that makes loads take turns, and the one mistake of a model that only a merge can see."""

import contextlib
from collections.abc import Iterator

from pg8000.exceptions import DatabaseError

from utils.errors import DuplicateKeyError
from utils.postgres.session import Session, sqlstate

LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('starlift load ' || :schema, 0))"
DUPLICATE = {"21000", "23505"}


def lock_warehouse(session: Session, schema: str) -> None:
    """Wait until no other load is at work, no longer than lock_timeout."""
    session.run(LOCK, schema=schema)


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
