"""Where in a JSON record a column's value is."""

import re
from collections.abc import Callable, Sequence

from transformation.records.json_text import Value
from utils.errors import ConfigurationError
from utils.file_table import FileColumn

PATH = re.compile(r"(?:[^.\[\]]+|\[\d+\])(?:\.[^.\[\]]+|\[\d+\])*")
STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")
Step = int | str


class PathError(Exception):
    """A path leads into something that has no such members."""


def read_path(column: FileColumn, where: str) -> tuple[Step, ...]:
    """Return the steps of a column's path, such as ("location", 0), or raise ConfigurationError."""
    if column.path is None:
        return (column.source,)
    if not PATH.fullmatch(column.path):
        raise ConfigurationError(f"{where}: path is {column.path!r}; write it as location.city or location[0].")
    return tuple(int(index) if index else name for index, name in STEP.findall(column.path))


def value_getter(steps: Sequence[Step]) -> Callable[[Value], Value]:
    """Return what gets the value at a path: None where there is nothing, PathError where there can be nothing."""
    if len(steps) == 1 and isinstance(steps[0], str):
        name = steps[0]
        return lambda record: record.get(name)

    def get(value: Value) -> Value:
        for step in steps:
            if value is None:
                return None
            value = _member(value, step) if isinstance(step, str) else _element(value, step)
        return value

    return get


def _member(value: Value, name: str) -> Value:
    if not isinstance(value, dict):
        raise PathError(f"is no object, so it has no {name!r}")
    return value.get(name)


def _element(value: Value, index: int) -> Value:
    if not isinstance(value, list):
        raise PathError(f"is no array, so it has no [{index}]")
    return value[index] if index < len(value) else None
