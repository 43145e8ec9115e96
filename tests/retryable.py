"""Which retryable errors the code of some functions can raise."""

import ast
from collections.abc import Iterable
from pathlib import Path

from local.packaging.own_modules import module_path, own_modules
from utils import errors

SOURCES = Path(errors.__file__).parents[1]


def leaves(root):
    children = root.__subclasses__()
    return {root.__name__} if not children else set().union(*map(leaves, children))


def raisable(handlers: Iterable[str]) -> set[str]:
    """Return the names of the retryable errors that the handlers' modules, but the one of errors, mention."""
    modules = set().union(*(own_modules(handler.rpartition(".")[0], SOURCES) for handler in handlers))
    paths = {module_path(module, SOURCES) for module in modules - {"utils.errors"}}
    return leaves(errors.RetryableError) & set().union(*(names_in(path) for path in paths if path))


def names_in(path: Path) -> set[str]:
    """Return every name that a module's code uses."""
    return {node.id for node in ast.walk(ast.parse(path.read_bytes())) if isinstance(node, ast.Name)}
