"""Python models: what their files say, before any row is there."""

import importlib.util
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING

from transformation.star_schema.select_list import Item, Reference, SelectList
from utils.model import Model
from utils.postgres.names import identifier

if TYPE_CHECKING:
    import pandas as pd

Build = Callable[..., "pd.DataFrame"]


def output_items(model: Model) -> SelectList:
    """Return the model's columns as its header's types declare them."""
    if not model.types:
        raise model.error("needs [types]: the PostgreSQL type of each column that build() returns", "kind")
    # Not bare: nothing else vouches that the warehouse could read a text which DuckDB cannot.
    items = (Item(name, identifier(name), (Reference(model.alias, name, 1),), bare=False) for name, _ in model.types)
    return SelectList(tuple(items), where=None)


def load_build(model: Model) -> Build:
    """Import the model's file and return its build function, or raise ModelError."""
    spec = importlib.util.spec_from_file_location(f"starlift_model_{model.name}", model.path)
    if spec is None or spec.loader is None:
        raise model.error("cannot be imported")
    module: ModuleType = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # what a person's code may raise is not known
        raise model.error(f"cannot be imported: {error!r}") from error
    build = getattr(module, "build", None)
    if not callable(build):
        raise model.error("has no function build()")
    return build  # type: ignore[no-any-return]
