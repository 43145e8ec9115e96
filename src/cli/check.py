"""`starlift check`: find a project's mistakes without moving anything."""

from cli import arguments
from cli.console import out, print_json, reporting
from local.narration import counted


def check(
    project: arguments.ProjectFolder,
    source: arguments.OptionalSource = None,
    as_json: arguments.Json = False,
) -> None:
    """Validate pipeline.toml and every model; with --source, against the database's catalogue as well."""
    from local.checking import check_project  # parsing models needs DuckDB

    with reporting(as_json):
        found = arguments.project(project)
        tables = check_project(found, source)
    if as_json:
        print_json({"project": found.name, "models": [model.name for model in found.models], "tables": tables})
        return
    scope = "" if source else " Give --source to check names and types against the database too."
    models, over = counted(len(found.models), "model"), counted(len(tables), "source table")
    out.print(f"{found.name}: no mistake in {models} over {over}.{scope}")
