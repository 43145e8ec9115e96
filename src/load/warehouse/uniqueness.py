"""Which staged rows break a model's unique tests, against each other and against what the warehouse keeps."""

from collections.abc import Iterator

from load.warehouse.target import Target
from utils.postgres.names import column_list, identifier, literal


def doubles(target: Target) -> Iterator[tuple[str, str]]:
    """Yield a query for the place and the reason of every staged row that breaks a unique test, and its rule.

    Of several staged rows the one that held the value before stays, else the one with the lowest key. What
    the warehouse holds counts only for keys that this batch does not bring: the others are about to change.
    """
    for columns in target.table.unique:
        reason = literal(f"{', '.join(columns)}: another row has the same") + " AS reason"
        yield f"SELECT place, {reason} FROM ({_staged(target, columns)}) x WHERE nth > 1", "unique"
        if target.table.load == "merge" and not target.is_new:
            yield f"SELECT s.ctid AS place, {reason} FROM {target.staging} s WHERE {_held(target, columns)}", "unique"


def _staged(target: Target, columns: tuple[str, ...]) -> str:
    given = " AND ".join(f"s.{identifier(name)} IS NOT NULL" for name in columns)
    values = ", ".join(target.equal_value("s", name) for name in columns)
    key, join, first = column_list(target.table.key, "s") or "s.ctid", "", ""
    if target.table.load == "merge" and not target.is_new:
        join = f"LEFT JOIN {target.name} t ON {target.same_key('t', 's')} AND {target.live('t')}"
        first = f"({target.same('t', 's', columns)}) IS TRUE DESC, "
    return (
        f"SELECT s.ctid AS place, row_number() OVER (PARTITION BY {values} ORDER BY {first}{key}) AS nth "
        f"FROM {target.staging} s {join} WHERE {given}"
    )


def _held(target: Target, columns: tuple[str, ...]) -> str:
    brought = f"SELECT FROM {target.staging} x WHERE {target.same_key('x', 't')}"
    return (
        f"EXISTS (SELECT FROM {target.name} t WHERE {target.live('t')} AND {target.same('t', 's', columns)} "
        f"AND NOT EXISTS ({brought}))"
    )
