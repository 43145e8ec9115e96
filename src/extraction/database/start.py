"""Where a batch begins: after the newest one, or before a pending one whose files were lost."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from extraction.database.deletes import tables_to_compare
from extraction.database.ports import Ports
from extraction.database.run import Run
from utils.batch_log import LandingEntry
from utils.errors import ModelError
from utils.manifest import LandingManifest, Snapshot, SourceTable
from utils.paths import carries
from utils.project import Project

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Start:
    """Where a batch begins."""

    number: int
    predecessor: str | None
    base: int  # of the batch before
    before: Mapping[str, SourceTable]  # every tracked table as far as it was read
    since: Snapshot | None  # rows written at or after its horizon have changed; None reads everything
    whole: frozenset[str] = frozenset()  # tables to read whole whatever changed
    supersedes: tuple[int, ...] = ()
    rows: Mapping[str, tuple[Mapping[str, str], ...]] = field(default_factory=dict)  # read again though unchanged
    compared: frozenset[str] = frozenset()  # tables whose keys are read, for deleted rows to be found


FIRST = Start(number=1, predecessor=None, base=0, before={}, since=None)


def find_start(newest: LandingEntry | None, run: Run, ports: Ports) -> Start:
    """Return where this run's batch begins."""
    if newest is None:
        return FIRST
    manifest = newest.manifest
    waiting = range(ports.processed.newest() + 1, manifest.number + 1)
    pending = [ports.landing.read(number).manifest for number in waiting]
    lost = find_lost(pending, ports)
    again = _to_read_again(pending, lost)
    last_read = ports.landing.read(again[0].number - 1).manifest if again and again[0].number > 1 else manifest
    everything = run.resync or any(batch.base == batch.number for batch in again)
    before = {table.name: table for table in last_read.tables}
    return Start(
        number=manifest.number + 1,
        predecessor=newest.checksum,
        base=manifest.base,
        before=before,
        since=None if everything else last_read.snapshot,
        whole=frozenset(run.backfill) | _whole_before(again) | _behind_new_models(ports.project, last_read),
        supersedes=tuple(batch.number for batch in lost),
        rows=run.rows,
        compared=tables_to_compare(ports.project, before, everything, ports.landing.store)
        | set(run.compare_keys)
        | _compared_before(again, ports.project),
    )


def _whole_before(again: list[LandingManifest]) -> set[str]:
    return {table.name for batch in again for table in batch.tables if table.whole}


def _compared_before(again: list[LandingManifest], project: Project) -> set[str]:
    """Return the tables whose keys were lost with a batch: a comparison on demand comes only once."""
    return {table.name for batch in again for table in batch.tables if table.keys} & set(project.tables)


def _behind_new_models(project: Project, last_read: LandingManifest) -> set[str]:
    """Return the driving tables of models that the last batch did not know: their warehouse tables are still empty."""
    return {model.driving for model in project.models if model.driving and model.name not in last_read.models}


def find_lost(pending: list[LandingManifest], ports: Ports) -> list[LandingManifest]:
    """Return the batches still to be transformed that lack a file, or rows that a model now looks up, oldest first.

    A batch that a later, whole one supersedes is lost no more; what a lost one superseded is lost again.
    """
    lost: list[LandingManifest] = []
    superseded: set[int] = set()
    for batch in reversed(pending):
        if batch.number in superseded:
            continue
        there = all(ports.landing.store.exists(file.key) for table in batch.tables for file in table.files)
        if there and _carries(batch, ports.project):
            superseded.update(batch.supersedes)
        else:
            lost.insert(0, batch)
    if lost:
        logger.warning("batch superseded", extra={"batches": [batch.number for batch in lost]})
    return lost


def _carries(batch: LandingManifest, project: Project) -> bool:
    try:
        return carries(batch, project.models)
    except ModelError:  # of a table that is new; the catalogue of now tells whether the model is wrong
        return False


def _to_read_again(pending: list[LandingManifest], lost: list[LandingManifest]) -> list[LandingManifest]:
    """Return the lost batches that no later batch of every row makes good."""
    kept_bases = (batch.number for batch in pending if batch.base == batch.number and batch not in lost)
    base = max(kept_bases, default=0)
    return [batch for batch in lost if batch.number > base]
