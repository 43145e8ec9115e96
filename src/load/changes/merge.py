"""The statements that bring claimed changes into their target."""

from collections.abc import Iterable

from load.changes.staging import Staged
from load.changes.target import DELETED_AT
from utils.postgres.names import identifier
from utils.postgres.session import Session


def delete_rows(session: Session, staged: Staged) -> int:
    """Delete, or mark, the rows whose last change says so, and return how many there were."""
    target = staged.target
    where = f"{staged.name} s WHERE s.deleted AND {same_key(staged)}"
    if target.marks:
        marked = identifier(DELETED_AT)
        session.run(f"UPDATE {target.name} t SET {marked} = now() FROM {where} AND t.{marked} IS NULL")
    else:
        session.run(f"DELETE FROM {target.name} t USING {where}")
    return session.row_count


def upsert_rows(session: Session, staged: Staged) -> int:
    """Write the rows as their last change has them, and return how many there were."""
    return _update(session, staged) + _insert(session, staged)


def _update(session: Session, staged: Staged) -> int:
    target, key = staged.target, set(staged.target.key)
    values = {name: staged.value(name) for name in staged.columns if name not in key}
    if target.marks:
        values[DELETED_AT] = "NULL"
    if not values:  # there is nothing to a row but its key
        return 0
    assignments = ", ".join(f"{identifier(name)} = {value}" for name, value in values.items())
    session.run(
        f"UPDATE {target.name} t SET {assignments} FROM {staged.name} s WHERE NOT s.deleted AND {same_key(staged)}"
    )
    return session.row_count


def _insert(session: Session, staged: Staged) -> int:
    target, names = staged.target, staged.as_staged
    columns = ", ".join(identifier(name) for name in names)
    session.run(
        f"INSERT INTO {target.name} ({columns}) OVERRIDING SYSTEM VALUE "
        f"SELECT {_listed(staged, names)} FROM {staged.name} s WHERE NOT s.deleted "
        f"AND NOT EXISTS (SELECT FROM {target.name} t WHERE {same_key(staged)}) ORDER BY s.place"
    )
    return session.row_count


def _listed(staged: Staged, names: Iterable[str]) -> str:
    return ", ".join(map(staged.value, names))


def same_key(staged: Staged) -> str:
    """Return the condition that a row of the target has a staged row's key."""
    return " AND ".join(f"t.{identifier(name)} = {staged.value(name)}" for name in staged.target.key)
