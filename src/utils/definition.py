"""A model's definition as a checksum: equal for equal meaning as far as text can tell, comments and spacing aside."""

import dataclasses
import hashlib
import json
import re
from pathlib import Path

from utils.model import Model
from utils.project import Project
from utils.project_file import read_bytes

APART = {"path", "name", "text", "body", "body_line"}  # of a model, but not of what it computes
# Quoted text stays as it is; any run of comments and white space is one space.
SPACING = re.compile(r"""('(?:[^']|'')*'|"(?:[^"]|"")*")|(?:--[^\n]*|/\*.*?\*/|\s)+""", re.DOTALL)


def definition(model: Model, project: Path) -> str:
    """Return the checksum of a model's header, body and lookup files."""
    header = {name: value for name, value in dataclasses.asdict(model).items() if name not in APART}
    is_sql = model.path.suffix == ".sql"
    body = SPACING.sub(lambda found: found.group(1) or " ", model.body).strip() if is_sql else model.body
    files = sorted({lookup.file for lookup in model.lookups if lookup.file})
    parts = [json.dumps(header, sort_keys=True, default=str), body, *(_checksum(project, file) for file in files)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def definitions(project: Project) -> dict[str, str]:
    """Return the checksum of every model of a project, by name."""
    return {model.name: definition(model, project.folder) for model in project.models}


def _checksum(project: Path, file: str) -> str:
    return hashlib.sha256(read_bytes(project / "lookups" / file, project / "lookups")).hexdigest()
