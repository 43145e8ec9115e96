"""Exports for tests: written as files, compared, and their changes applied to rows held in memory."""

from dataclasses import replace

from transformation.delta.compare import compare
from transformation.delta.engine import open_engine
from transformation.delta.export import ExportFile, read_export
from transformation.delta.lines import Numbered, write_lines
from utils.changes import Operation, from_json
from utils.export_table import ExportTable, ExportVersion
from utils.postgres.names import TableName

ORDERS = ExportTable("orders", ("id",), TableName("public", "orders"))
NUMBERED = Numbered(ExportVersion("acme", "orders", "v2"), 2)


def table(**settings):
    return replace(ORDERS, **settings)


def csv_text(columns, rows):
    """Return a CSV in which NULL is unquoted nothing and every text is quoted."""
    lines = [",".join(_quoted(name) for name in columns)]
    lines += [",".join("" if value is None else _quoted(value) for value in row) for row in rows]
    return "".join(f"{line}\n" for line in lines)


def _quoted(value):
    return '"' + value.replace('"', '""') + '"'


def write_files(folder, name, contents):
    folder.mkdir(exist_ok=True)
    files = []
    for number, content in enumerate(contents):
        path = folder / f"{name}-{number}"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        files.append(ExportFile(path, f"{name}-{number}.csv"))
    return files


def compare_files(before, after, folder, settings=ORDERS):
    """Return what comparing two lists of files gave, and the changes."""
    with open_engine(folder, 300) as connection:
        sides = [read_export(files, settings, folder, connection) if files else None for files in (before, after)]
        comparison = compare(*sides, settings, connection)
        write_lines(comparison, NUMBERED, folder / "changes.jsonl", connection)
    return comparison, [from_json(line) for line in (folder / "changes.jsonl").read_bytes().split(b"\n")[:-1]]


def compare_texts(before, after, folder, settings=ORDERS):
    """Compare two CSVs of one file each."""
    return compare_files(
        write_files(folder, "before", [before]) if before is not None else None,
        write_files(folder, "after", [after]),
        folder,
        settings,
    )


def apply(changes, rows, key):
    """Apply changes to rows by key, as a target would, refusing what does not fit."""
    held = {tuple(row[name] for name in key): row for row in rows}
    for change in changes:
        at = tuple(change.key[name] for name in key)
        assert held.get(at) == change.before
        held.pop(at, None)
        if change.op is not Operation.DELETE:
            held[at] = dict(change.after)
    return held
