"""Finding a model's mistakes before any row is read."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from transformation.star_schema.database import open_engine
from transformation.star_schema.definition import check_names, in_load_order
from transformation.star_schema.engine import Engine
from transformation.star_schema.python_model import load_build, output_items
from transformation.star_schema.select_list import parse_body
from utils.manifest import SourceTable, WarehouseTable
from utils.model import Model
from utils.project import Project

CHECK_MEMORY_MB = 200  # no rows are read


def check_models(project: Project, catalogue: Mapping[str, SourceTable] | None) -> list[WarehouseTable]:
    """Raise the first mistake of any model; given a catalogue, return the warehouse tables in load order."""
    models = in_load_order(project.models)
    with tempfile.TemporaryDirectory(prefix="starlift-") as scratch, open_engine(Path(scratch), CHECK_MEMORY_MB) as db:
        engine = Engine(db, project, catalogue or {}, Path(scratch))
        engine.add_tables({})
        for model in models:
            _check_alone(model, engine)
        tables = [engine.plan(model).table for model in models if catalogue is not None]
    _check_reference_types(project, tables)
    return tables


def _check_alone(model: Model, engine: Engine) -> None:
    """Check all that can be told without a database."""
    if model.path.suffix == ".py":
        found = output_items(model)
        load_build(model)
    else:
        found = parse_body(model)
    check_names(model, found.names)
    for lookup in model.lookups:
        if lookup.file:
            engine.lookup_file(model, lookup)


def _check_reference_types(project: Project, tables: list[WarehouseTable]) -> None:
    """Refuse a reference whose type PostgreSQL could not compare with the key that it names."""
    models = {model.name: model for model in project.models}
    types = {table.name: {column.name: column.type for column in table.columns} for table in tables}
    for table in tables:
        for reference in table.references:
            for column, key in zip(reference.columns, reference.key, strict=True):
                mine, theirs = types[table.name][column], types[reference.table][key]
                if _family(mine) != _family(theirs):
                    message = f"references {reference.table} by {column}, which is {mine}, but its {key} is {theirs}"
                    raise models[table.name].error(f"{message}; CAST it", column)


def _family(postgres: str) -> str:
    """Return the types that PostgreSQL compares without a cast, by one name."""
    name = postgres.partition("(")[0]
    if name in {"smallint", "integer", "bigint", "numeric"}:
        return "number"
    return "text" if name in {"text", "varchar", "character varying"} else postgres
