"""`starlift check`: find a project's mistakes without moving anything."""

from cli import arguments
from cli.console import out, print_json, reporting
from local.narration import counted


def check(
    project: arguments.ProjectFolder,
    source: arguments.OptionalSource = None,
    as_json: arguments.Json = False,
) -> None:
    """Validate pipeline.toml, models, file and export tables; with --source, against the database's catalogue too."""
    from local.checking import check_exports, check_files, check_project  # parsing models needs DuckDB

    with reporting(as_json):
        found = arguments.project(project)
        tables, file_tables = check_project(found, source), check_files(found)
        export_tables = check_exports(found)
    if as_json:
        models = [model.name for model in found.models]
        arriving = {"file_tables": file_tables, "export_tables": export_tables}
        print_json({"project": found.name, "models": models, "tables": tables, **arriving})
        return
    scope = "" if source else " Give --source to check names and types against the database too."
    checked = []
    if found.models:
        checked.append(f"{counted(len(found.models), 'model')} over {counted(len(tables), 'source table')}")
    if file_tables:
        checked.append(counted(len(file_tables), "file table"))
    if export_tables:
        checked.append(counted(len(export_tables), "export table"))
    out.print(f"{found.name}: no mistake in {' and '.join(checked)}.{scope if found.models else ''}")
