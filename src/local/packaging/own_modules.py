"""Which of our own modules a function imports, and which packages they import in turn."""

import ast
from collections.abc import Iterator
from pathlib import Path


def own_modules(entry: str, root: Path) -> set[str]:
    """Return the modules below root that importing `entry` may reach, imports inside functions included."""
    found: set[str] = set()
    waiting = [entry]
    while waiting:
        module = waiting.pop()
        path = module_path(module, root)
        if module not in found and path is not None:
            found.add(module)
            waiting.extend(_with_parents(module))
            waiting.extend(name for imported in imports_of(path.read_bytes()) for name in _with_parents(imported))
    return found


def module_path(module: str, root: Path) -> Path | None:
    """Return the file of a module below root, None if it is not one of ours."""
    below = root.joinpath(*module.split("."))
    candidates = (below.with_suffix(".py"), below / "__init__.py")
    return next((path for path in candidates if path.is_file()), None)


def imports_of(code: bytes) -> set[str]:
    """Return the names that code imports when it runs; `from a import b` may mean the module `a.b`."""
    return {name for node in _running(ast.parse(code)) for name in _imported(node)}


def _with_parents(module: str) -> Iterator[str]:
    parts = module.split(".")
    return (".".join(parts[:count]) for count in range(len(parts), 0, -1))


def _running(node: ast.AST) -> Iterator[ast.AST]:
    """Walk a tree, past what only a type checker reads."""
    yield node
    is_for_types = isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
    children = node.orelse if isinstance(node, ast.If) and is_for_types else ast.iter_child_nodes(node)
    for child in children:
        yield from _running(child)


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:  # relative imports are not used here
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
