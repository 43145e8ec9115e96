"""`starlift check`: find a project's mistakes without moving anything."""

from dataclasses import dataclass
from typing import Any

from cli import arguments
from cli.console import out, print_json, reporting
from local.narration import counted
from utils.delivery_project import DeliveryProject


def check(
    project: arguments.ProjectFolder,
    source: arguments.OptionalSource = None,
    as_json: arguments.Json = False,
) -> None:
    """Validate pipeline.toml and all that the project declares; with --source, models against its catalogue too."""
    from local.checking import check_delivery, check_exports, check_files, check_project  # models need DuckDB

    with reporting(as_json):
        found = arguments.project(project)
        tables, files, exports = check_project(found, source), check_files(found), check_exports(found)
        declared = _Declared(tables, files, exports, *check_delivery(found))
    if as_json:
        models = [model.name for model in found.models]
        print_json({"project": found.name, "models": models, **declared.to_json()})
        return
    *checked, last = declared.told(len(found.models))
    told = " and ".join([*([", ".join(checked)] if checked else []), last])
    scope = " Give --source to check names and types against the database too." if found.models and not source else ""
    out.print(f"{found.name}: no mistake in {told}.{scope}")
    for remark in declared.left:
        out.print(remark, style="yellow", soft_wrap=True)


@dataclass(frozen=True)
class _Declared:
    """What a project declares besides its models."""

    tables: list[str]
    file_tables: list[str]
    export_tables: list[str]
    delivery: DeliveryProject | None
    left: tuple[str, ...]  # to do, or to try elsewhere

    def to_json(self) -> dict[str, Any]:
        """Return it for a machine."""
        fields = [each.name for each in self.delivery.fields] if self.delivery else []
        parameters = sorted(self.delivery.query.parameters) if self.delivery else []
        arriving = {"file_tables": self.file_tables, "export_tables": self.export_tables}
        return {
            "tables": self.tables,
            **arriving,
            "record_fields": fields,
            "query_parameters": parameters,
            "left": self.left,
        }

    def told(self, models: int) -> list[str]:
        """Return the parts of a sentence that counts it."""
        told = [f"{counted(models, 'model')} over {counted(len(self.tables), 'source table')}"] if models else []
        arriving = (("file table", self.file_tables), ("export table", self.export_tables))
        told += [counted(len(tables), noun) for noun, tables in arriving if tables]
        return told + (_told_records(self.delivery) if self.delivery else [])


def _told_records(delivery: DeliveryProject) -> list[str]:
    parameters = counted(len(delivery.query.parameters), "parameter")
    most = counted(delivery.delivery.max_records, "record")
    return [
        f"records of {counted(len(delivery.fields), 'field')}",
        f"{delivery.query.file.name} with {parameters}",
        f"deliveries of up to {most}",
    ]
