"""One model over one landed batch, for its table to be computed anew."""

import uuid
from dataclasses import replace
from pathlib import Path

from transformation.star_schema.calendar import Range
from transformation.star_schema.database import open_engine
from transformation.star_schema.engine import Engine
from transformation.star_schema.pipeline import Upload, fetch_table, new_manifest, scratch_folder
from transformation.star_schema.ports import Ports
from utils.batch_log import LandingEntry
from utils.manifest import LandingManifest, ProcessedManifest
from utils.model import CALENDAR, Model
from utils.project import Project

PLANNING_MEMORY_MB = 200  # no rows are read


def tables_of(model: Model) -> frozenset[str]:
    """Return the source tables that a model reads."""
    looked_up = {lookup.table for lookup in model.lookups if lookup.table}
    return frozenset(looked_up | ({model.driving} if model.driving else set()))


def only_its_tables(model: Model, batch: LandingManifest) -> LandingManifest:
    """Return a batch without the tables that the model does not read."""
    wanted = tables_of(model)
    return replace(batch, tables=tuple(table for table in batch.tables if table.name in wanted))


def check_model(project: Project, model: Model, batch: LandingManifest, scratch: Path) -> None:
    """Raise ModelError or SchemaDriftError if a batch does not hold what the model reads."""
    tables = {table.name: table for table in batch.tables}
    with open_engine(scratch, PLANNING_MEMORY_MB) as connection:
        engine = Engine(connection, project, tables, scratch)
        engine.add_tables({})
        engine.plan(model)


def transform_model(model: Model, entry: LandingEntry, ports: Ports, calendar: Range | None) -> ProcessedManifest:
    """Compute one model over one batch; a calendar covers the range that it has so far."""
    landing = only_its_tables(model, entry.manifest)
    with scratch_folder(ports.scratch) as folder, open_engine(folder, ports.memory_mb) as connection:
        engine = Engine(connection, ports.project, {table.name: table for table in landing.tables}, folder)
        engine.add_tables({table.name: fetch_table(table, ports, folder) for table in landing.tables})
        plan = engine.plan(model)
        is_calendar = model.kind == CALENDAR and calendar is not None
        built = engine.build_calendar(plan, calendar) if is_calendar and calendar else engine.build(plan)
        table = Upload(ports, landing, uuid.uuid4().hex[:8]).table(plan.table, built)
    return replace(new_manifest("rebuild", entry, ports, calendar), tables=(table,))
