"""One transaction: changes of any tables and tenants, staged, claimed and merged table by table."""

from collections.abc import Mapping, Sequence

from load.changes import merge, positions, staging
from load.changes.ports import Ports
from load.changes.records import Delivered
from load.changes.staging import Staged
from load.changes.target import Target, check_target, parents_first, read_targets
from utils.postgres.session import Session, transaction

Counts = dict[str, dict[str, int]]
"""By export: how many rows were written and deleted, and how many changes were old news."""
Numbers = Mapping[positions.Pair, int]
Columns = tuple[str, ...]
Groups = Mapping[tuple[str, Columns, int], Sequence[Delivered]]
"""Changes by table, by the columns that they bring, and by how often their series had brought others before."""


def apply_batch(batch: Sequence[Delivered], ports: Ports) -> Counts:
    """Apply changes, all or none of them.

    Rows are deleted first, children before their parents; then rows are written, parents before their children.
    Whoever reads sees all of the batch or nothing of it. Changes that were applied before, in this or another
    process, are told by their keys' positions, which move in the same transaction.
    """
    session = ports.target
    with transaction(session, ports.lock_seconds):
        session.run("SET CONSTRAINTS ALL DEFERRED")
        numbers = positions.lock_series(session, {_pair(delivered) for delivered in batch})
        targets = read_targets(session, {delivered.table.name: delivered.table for delivered in batch}.values())
        staged = _stage_all(session, _grouped(batch), targets, numbers)
        order = parents_first(session, targets.values())
        counts = _claim_all(session, staged)
        ordered = sorted(staged, key=lambda one: order.index(one.target.table.name))
        for one in reversed(ordered):
            counts[one.target.table.name]["deleted"] += merge.delete_rows(session, one)
        for one in ordered:
            counts[one.target.table.name]["written"] += merge.upsert_rows(session, one)
    return counts


def _pair(delivered: Delivered) -> positions.Pair:
    return delivered.table.name, delivered.change.tenant


def _grouped(batch: Sequence[Delivered]) -> Groups:
    """Group changes so that a row's come in order of turn; deletes, which bring no columns, go with the first rows."""
    first: dict[str, Columns] = {}
    for delivered in batch:
        if delivered.change.after is not None:
            first.setdefault(delivered.table.name, tuple(sorted(delivered.change.after)))
    turns: dict[positions.Pair, list[Columns]] = {}
    groups: dict[tuple[str, Columns, int], list[Delivered]] = {}
    for delivered in batch:
        table, after, own = delivered.table, delivered.change.after, turns.setdefault(_pair(delivered), [])
        columns = first.get(table.name, table.key) if after is None else tuple(sorted(after))
        if after is not None and own[-1:] != [columns]:
            own.append(columns)
        turn = 0 if after is None else len(own) - 1
        groups.setdefault((table.name, columns, turn), []).append(delivered)
    return dict(sorted(groups.items(), key=lambda group: group[0][2]))


def _stage_all(session: Session, groups: Groups, targets: Mapping[str, Target], numbers: Numbers) -> list[Staged]:
    staged = []
    for place, ((name, columns, _), changes) in enumerate(groups.items()):
        table = changes[0].table
        one = Staged(check_target(targets.get(name), table, columns), columns, place)
        positions.check_only_tenant(session, table, changes[0].change.tenant)
        staging.create_staging(session, one)
        staging.copy_changes(session, one, [(delivered, numbers[_pair(delivered)]) for delivered in changes])
        staged.append(one)
    return staged


def _claim_all(session: Session, staged: Sequence[Staged]) -> Counts:
    counts: Counts = {}
    for one in sorted(staged, key=lambda one: one.target.table.name):
        key = [one.value(name) for name in one.target.table.key]
        own = counts.setdefault(one.target.table.name, {"written": 0, "deleted": 0, "skipped": 0})
        own["skipped"] += positions.claim(session, one.target, one.name, key)
    return counts
