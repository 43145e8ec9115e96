"""Which tables have their keys compared in a run: a deleted row leaves nothing behind that could be selected."""

from collections.abc import Mapping

from utils.errors import ObjectMissingError
from utils.manifest import SourceTable
from utils.project import Project
from utils.store import ObjectStore

RUNS = "_log/runs"  # how many runs there were; lost or raced for, it moves a comparison and skips none for good


def tables_to_compare(
    project: Project, before: Mapping[str, SourceTable], everything: bool, store: ObjectStore
) -> frozenset[str]:
    """Return the tables whose keys this run reads: known ones that are due, or all when everything is read."""
    settings = {name: project.table_settings(name) for name in before.keys() & set(project.tables)}
    wanted = {name: found.deletes_every for name, found in settings.items() if found.compares_keys}
    if everything or all(every == 1 for every in wanted.values()):
        return frozenset(wanted)
    run = _count_run(store)
    return frozenset(name for name, every in wanted.items() if run % every == 0)


def _count_run(store: ObjectStore) -> int:
    try:
        run = int(store.read(RUNS)) + 1
    except (ObjectMissingError, ValueError):
        run = 0
    store.put(RUNS, str(run).encode())
    return run
