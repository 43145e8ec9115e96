"""Which staged rows name a parent that the warehouse does not have."""

from collections.abc import Iterator

from load.warehouse.target import Target
from utils.manifest import Reference
from utils.postgres.names import TableName, column_list, identifier, literal


def orphans(target: Target) -> Iterator[tuple[str, str]]:
    """Yield one query for the place and the reason of every staged row that lacks a parent, and its rule.

    One pass over staging whatever the number of references: each is a hash join with the parent's keys.
    """
    references = list(enumerate(target.table.references))
    if not references:
        return
    joins = " ".join(f"LEFT JOIN {_parent(target, ref)} p{n} ON {_found(n, ref)}" for n, ref in references)
    missing = [(f"{_given(ref)} AND p{n}.{identifier(ref.key[0])} IS NULL", ref) for n, ref in references]
    reasons = " ".join(f"WHEN {condition} THEN {literal(_reason(ref))}" for condition, ref in missing)
    yield (
        f"SELECT s.ctid AS place, CASE {reasons} END AS reason FROM {target.staging} s {joins} "
        f"WHERE {' OR '.join(f'({condition})' for condition, _ in missing)}",
        "reference",
    )


def _parent(target: Target, reference: Reference) -> str:
    """Return the relation of the parent's keys; a row's parent in its own table may come in the same batch."""
    held = TableName(target.schema, reference.table).sql
    if reference.table != target.table.name:
        return held
    key = column_list(reference.key)
    return f"(SELECT {key} FROM {held} UNION SELECT {key} FROM {target.staging})"


def _found(number: int, reference: Reference) -> str:
    pairs = zip(reference.columns, reference.key, strict=True)
    return " AND ".join(f"p{number}.{identifier(key)} = s.{identifier(column)}" for column, key in pairs)


def _given(reference: Reference) -> str:
    return " AND ".join(f"s.{identifier(column)} IS NOT NULL" for column in reference.columns)


def _reason(reference: Reference) -> str:
    return f"{', '.join(reference.columns)}: no such row in {reference.table} yet"
