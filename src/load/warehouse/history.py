"""A dimension's versions, kept beside it: the dimension stays one row a key, which references need."""

from dataclasses import replace

from load.warehouse import merge
from load.warehouse.layout import history_of
from load.warehouse.tables import Catalogue, Prepared, finish_table, prepare
from load.warehouse.target import Target
from utils.postgres.names import column_list, literal
from utils.postgres.session import Session


def prepare_history(session: Session, catalogue: Catalogue, dimension: Target) -> Prepared:
    """Make the table of a dimension's versions ready; a new one begins with the rows that there are."""
    prepared = prepare(session, catalogue, dimension.place, history_of(dimension.table))
    if prepared.target.is_new and not dimension.is_new:
        session.run(_begin(prepared.target, dimension))
        return replace(prepared, target=replace(prepared.target, is_new=False))
    return prepared


def _begin(target: Target, dimension: Target) -> str:
    """Return what copies the dimension as it is, each row valid since the batch that last changed it."""
    columns = column_list(target.columns)
    since = f"coalesce(b.taken_at, {literal(target.taken_at)})"
    return (
        f"INSERT INTO {target.name} ({columns}, _batch, _deleted, is_current, valid_from, valid_to) "
        f"SELECT {column_list(target.columns, 't')}, t._batch, t._deleted, true, {since}, 'infinity' "
        f"FROM {dimension.name} t LEFT JOIN starlift.ledger b ON b.batch = t._batch"
    )


def merge_history(session: Session, prepared: Prepared) -> None:
    """Give the staged keys new versions where they differ, end those that are gone, and finish the table."""
    merge.merge_rows(session, prepared.target)
    finish_table(session, prepared)
    if merge.has_gone(prepared.target.table):
        merge.close_gone(session, prepared.target)
