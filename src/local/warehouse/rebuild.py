"""A changed model's table computed anew: from the batches that landed, or from the source where they are gone."""

import logging
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from extraction.database.whole import extract_whole
from load.warehouse import ledger, rebuild
from load.warehouse import ports as load_ports
from load.warehouse import wiring as load_wiring
from local.warehouse.run import Job
from transformation.star_schema import wiring as transformation_wiring
from transformation.star_schema.one_model import check_model, only_its_tables, tables_of, transform_model
from transformation.star_schema.pipeline import transform_again
from utils.batch_log import LandingEntry, LandingLog, ProcessedLog
from utils.errors import ConfigurationError, ModelError, SchemaDriftError
from utils.folder_store import FolderStore
from utils.manifest import LandingManifest, ProcessedManifest, WarehouseTable
from utils.model import CALENDAR, Model
from utils.paths import carries
from utils.project import Project

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rebuilt:
    """What a rebuild did."""

    model: str
    first: int  # batch from which on the table has history; 0 when it was read from the source as it is now
    rows: int  # versions or rows that were written


def retransform(job: Job, numbers: tuple[int, ...]) -> None:
    """Transform batches again that wait to be loaded, after a model was mended."""
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="starlift-")))
        warehouse = stack.enter_context(_load_ports(job, scratch))
        last = ledger.read_last(warehouse.warehouse)
        _check_waiting(numbers, last.batch if last else 0, ProcessedLog(job.processed).newest())
        wired = transformation_wiring.open_ports(job.project, job.landing, job.processed, scratch)
        ports = stack.enter_context(wired)
        for number in numbers:
            transform_again("retransform", number, ports)


def _check_waiting(numbers: tuple[int, ...], loaded: int, transformed: int) -> None:
    for number in numbers:
        if number <= loaded:
            raise ConfigurationError(
                f"Batch {number} is in the warehouse already (the last is {loaded}), where transforming it again would "
                "change nothing. To apply a mended model to all rows: --rebuild MODEL."
            )
        if number > transformed:
            raise ConfigurationError(
                f"Batch {number} has not been transformed yet (the last is {transformed}); a plain run does that."
            )


def rebuild_model(job: Job, name: str) -> Rebuilt:
    """Compute a model's table anew beside the old one, and put it in its place.

    Batches that wait to be loaded are transformed again first, so that they fit the new table.
    """
    model = _find(job.project, name)
    with tempfile.TemporaryDirectory(prefix="starlift-") as folder, _load_ports(job, Path(folder)) as warehouse:
        last = ledger.read_last(warehouse.warehouse)
        if last is None:
            raise ConfigurationError("The warehouse holds no batch yet; a plain run builds every table.")
        retransform(job, tuple(range(last.batch + 1, ProcessedLog(job.processed).newest() + 1)))
        shadow = rebuild.Shadow(name)
        with rebuild.only_one(warehouse.warehouse, shadow):
            rebuild.discard(warehouse, shadow)
            return _Rebuild(job, model, Path(folder), warehouse, shadow).run(last.batch)


def _find(project: Project, name: str) -> Model:
    for model in project.models:
        if model.name == name:
            return model
    known = ", ".join(model.name for model in project.models)
    raise ConfigurationError(f"--rebuild {name}: the project has no such model. It has {known}.")


def _load_ports(job: Job, scratch: Path) -> AbstractContextManager[load_ports.Ports]:
    return load_wiring.open_ports(job.project, job.warehouse, job.processed, scratch)


@dataclass(frozen=True)
class _Rebuild:
    """One model's rebuild: where its rows come from, and where they go."""

    job: Job
    model: Model
    folder: Path
    warehouse: load_ports.Ports
    shadow: rebuild.Shadow

    def run(self, last: int) -> Rebuilt:
        numbers = self._replayable(last)
        if numbers:
            first, through, (table, rows) = numbers[0], last, self._replay(numbers)
        else:
            first, through = 0, LandingLog(self.job.landing).newest()
            table, rows = self._read_source(through)
        self._tell(first)
        while (reached := rebuild.swap(self.warehouse, self.shadow, table, through)) > through:
            table, more = self._replay(list(range(through + 1, reached + 1)))
            through, rows = reached, rows + more
        return Rebuilt(self.model.name, first, rows)

    def _tell(self, first: int) -> None:
        fields = {"model": self.model.name, "batch": first}
        if first == 0:
            logger.warning("rebuilt from the source", extra=fields)
        elif first > 1 and self.model.kind != CALENDAR:
            logger.warning("rebuilt from a later batch", extra=fields)

    def _replayable(self, last: int) -> list[int]:
        """Return the batches to replay, oldest first: as far back as they hold what the model reads."""
        if self.model.kind == CALENDAR:
            return [last]
        found: list[int] = []
        whole = 0
        for number, batch in self._usable(last):
            found.insert(0, number)
            driving = next(table for table in batch.tables if table.name == self.model.driving)
            whole = number if driving.whole else whole
        return [number for number in found if whole and number >= whole]

    def _usable(self, last: int) -> Iterator[tuple[int, LandingManifest]]:
        """Yield batches from the last one back, until one lacks a file or what the model reads."""
        log, superseded, known = LandingLog(self.job.landing), set[int](), None
        for number in range(last, 0, -1):
            batch = log.read(number).manifest
            superseded.update(batch.supersedes)
            if number in superseded:
                continue
            mine = only_its_tables(self.model, batch)
            shape = mine.paths, [replace(table, changed=(), affected=(), context=(), keys=()) for table in mine.tables]
            if shape != known and not self._fits(mine):
                return
            if not all(log.store.exists(file.key) for table in mine.tables for file in table.files):
                return
            known = shape
            yield number, mine

    def _fits(self, batch: LandingManifest) -> bool:
        if {table.name for table in batch.tables} != tables_of(self.model):
            return False
        try:
            check_model(self.job.project, self.model, batch, self.folder)
        except (ModelError, SchemaDriftError) as error:
            logger.warning("batch does not fit the model", extra={"batch": batch.number, "reason": str(error)})
            return False
        if carries(batch, [self.model]):
            return True
        reason = "rows that the model looks up were not read with it"
        logger.warning("batch does not fit the model", extra={"batch": batch.number, "reason": reason})
        return False

    def _replay(self, numbers: list[int]) -> tuple[WarehouseTable, int]:
        log = LandingLog(self.job.landing)
        entries = (log.read(number) for number in numbers)
        merged = [self._merge(entry, log) for entry in entries if self._has_rows(entry.manifest, numbers[0])]
        return merged[-1][0], sum(rows for _, rows in merged)

    def _has_rows(self, batch: LandingManifest, first: int) -> bool:
        """Tell whether there is anything to do; the first batch makes the table, rows or none."""
        driving = next((table for table in batch.tables if table.name == self.model.driving), None)
        return batch.number == first or bool(driving and (driving.changed or driving.affected or driving.keys))

    def _read_source(self, through: int) -> tuple[WarehouseTable, int]:
        """Read what the model needs as it is now; numbered so that no batch from before wins over it."""
        store = FolderStore(self.folder / "source")
        needed = tables_of(self.model)
        settings = {table: found for table, found in self.job.project.settings.items() if table in needed}
        parents = {reference.table for reference in self.model.references} | {self.model.name}
        models = tuple(model for model in self.job.project.models if model.name in parents)
        landed = extract_whole(replace(self.job.project, models=models, settings=settings), self.job.source, store)
        return self._merge(LandingEntry(replace(landed, number=through, base=through), ""), LandingLog(store))

    def _merge(self, entry: LandingEntry, landing: LandingLog) -> tuple[WarehouseTable, int]:
        """Compute one batch and merge it into the shadow; its files live no longer than that."""
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            store = FolderStore(Path(folder))
            wired = transformation_wiring.open_ports(self.job.project, landing.store, store, self.folder)
            with wired as ports:
                manifest = transform_model(self.model, entry, ports, self._calendar(entry.manifest.number))
            rows = rebuild.merge_into(replace(self.warehouse, processed=store), self.shadow, manifest)
        logger.info(
            "batch rebuilt", extra={"batch": entry.manifest.number, "table": self.model.name, "row_count": rows}
        )
        return manifest.tables[0], rows

    def _calendar(self, number: int) -> tuple[str, str] | None:
        manifest: ProcessedManifest = ProcessedLog(self.job.processed).read(number)
        return manifest.calendar if self.model.kind == CALENDAR else None
