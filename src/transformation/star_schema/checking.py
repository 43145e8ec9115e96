"""Finding a model's mistakes before any row is read."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from transformation.star_schema.definition import in_load_order
from transformation.star_schema.engine import Engine, open_engine
from transformation.star_schema.python_model import load_build, output_items
from transformation.star_schema.select_list import parse_body
from utils.manifest import SourceTable, WarehouseTable
from utils.model import Model
from utils.project import Project

CHECK_MEMORY_MB = 200  # no rows are read


def check_models(project: Project, catalogue: Mapping[str, SourceTable] | None) -> list[WarehouseTable]:
    """Raise the first mistake of any model; given a catalogue, return the warehouse tables in load order."""
    models = in_load_order(project.models)
    for model in models:
        _check_alone(model)
    if catalogue is None:
        return []
    with tempfile.TemporaryDirectory(prefix="starlift-") as scratch, open_engine(Path(scratch), CHECK_MEMORY_MB) as db:
        engine = Engine(db, project, catalogue, Path(scratch))
        engine.add_tables({})
        return [engine.plan(model).table for model in models]


def _check_alone(model: Model) -> None:
    if model.path.suffix == ".py":
        output_items(model)
        load_build(model)
    else:
        parse_body(model)
