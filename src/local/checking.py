"""Checking a project before any row moves."""

from extraction.database import wiring
from extraction.database.catalogue import read_usable_catalogue
from local.delivery.api_document import FILE, check_written, command
from local.delivery.query_checking import check_query
from transformation.records.checking import check_table
from transformation.star_schema.checking import check_models
from utils.delivery_project import DeliveryProject, holds_delivery, read_delivery
from utils.export_project import read_exports
from utils.file_project import read_file_project
from utils.postgres.url import DatabaseUrl
from utils.project import Project


def check_project(project: Project, source: DatabaseUrl | None) -> list[str]:
    """Return the source tables that the project reads, or raise the first mistake with its file and line."""
    if source is None:
        check_models(project, None)
        return list(project.tables)
    with wiring.open_source(source) as connection:
        catalogue = read_usable_catalogue(connection, project)
    check_models(project, catalogue)
    return list(catalogue)


def check_delivery(project: Project) -> tuple[DeliveryProject | None, tuple[str, ...]]:
    """Return what the project says of its records, if anything, and what is left to do or to try about it.

    The first mistake is raised, with its file.
    """
    folder = project.folder
    if not holds_delivery(folder):
        return None, ()
    declared = read_delivery(folder)
    untried = check_query(declared)
    left = [f"{declared.query.file.name} was not tried: {untried}"] if untried else []
    if (folder / FILE).exists():
        check_written(folder)
    else:
        left.append(f"{FILE}, which the API is made of, is not there yet. Write it: {command(folder)}")
    return declared, tuple(left)


def check_exports(project: Project) -> list[str]:
    """Return the targets of full exports, or raise the first mistake with its file and setting."""
    return [table.target.sql for table in read_exports(project.folder).values()]


def check_files(project: Project) -> list[str]:
    """Return the tables that dropped files may go to, or raise the first mistake with its file and setting."""
    tables = read_file_project(project.folder).tables
    for table in tables.values():
        check_table(table)
    return [table.name.sql for table in tables.values()]
