"""A project: what one deployment moves. `pipeline.toml` names tables, `models/` and `lookups/` say the rest."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from utils.deletes import MAX_DELETED_SHARE
from utils.delivery_project import holds_delivery
from utils.errors import ConfigurationError
from utils.export_project import holds_export_tables
from utils.file_project import holds_file_tables
from utils.model import Model
from utils.model_file import read_model
from utils.postgres.names import TableName, identifier, parse_table_name
from utils.toml_settings import (
    read_flag,
    read_name,
    read_names,
    read_positive,
    read_share,
    read_toml,
    read_whole_number,
    refuse_unknown,
)

MAX_ROW_BYTES = 128 << 20  # half of what a small Lambda has; PostgreSQL itself stops near 1 GB
OVERLAP_SECONDS = 300  # longest source transaction we expect behind a view
CALENDAR_YEARS = (1900, 2100)  # a date outside is a typing mistake, not an order

SETTINGS = {"name", "schema", "cursor", "max_row_bytes", "warehouse_schema", "calendar_years", "tables"} | {
    "max_horizon_age_seconds",
    "files",  # read by utils.file_project
}
TABLE_SETTINGS = {"cursor", "exclude", "key", "overlap_seconds", "full"} | {
    "deletes",
    "deletes_every",
    "deletes_max_share",
}
COMPARE_KEYS = "compare-keys"
MAX_HORIZON_AGE_SECONDS = 3600  # a transaction open for longer makes every run read again what it wrote since
RESERVED_SCHEMAS = {"starlift", "information_schema"}
MAX_NAME_BYTES = 63  # of a name in PostgreSQL, which cuts longer ones without an error


@dataclass(frozen=True)
class TableSettings:
    """What pipeline.toml says of one source table."""

    cursor: str | None = None
    exclude: tuple[str, ...] = ()
    key: tuple[str, ...] = ()  # for views, which declare none
    overlap_seconds: int = OVERLAP_SECONDS
    full: bool = False
    compares_keys: bool = False  # so that deleted rows are found
    deletes_every: int = 1  # runs
    deletes_max_share: float = MAX_DELETED_SHARE


@dataclass(frozen=True)
class Project:
    """One project folder, read and checked for all that needs no database."""

    folder: Path
    name: str
    schema: str = "public"
    warehouse_schema: str = "public"
    max_row_bytes: int = MAX_ROW_BYTES
    calendar_years: tuple[int, int] = CALENDAR_YEARS
    max_horizon_age_seconds: int = MAX_HORIZON_AGE_SECONDS
    settings: Mapping[str, TableSettings] = field(default_factory=dict)
    models: tuple[Model, ...] = ()
    default_cursor: str | None = None

    @cached_property
    def tables(self) -> tuple[str, ...]:
        """Every source table to track, by the name that the project gives it, in order."""
        named = {lookup.table for model in self.models for lookup in model.lookups if lookup.table}
        driving = {model.driving for model in self.models if model.driving}
        return tuple(sorted(named | driving | set(self.settings)))

    def table_name(self, table: str) -> TableName:
        """Return where the source keeps a table."""
        return parse_table_name(table, self.schema)

    def table_settings(self, table: str) -> TableSettings:
        """Return what pipeline.toml says of a table, or the defaults."""
        return self.settings.get(table, TableSettings(cursor=self.default_cursor))


def read_project(folder: Path) -> Project:
    """Read a project folder, or raise an error that names the file and what is wrong with it."""
    path = folder / "pipeline.toml"
    if not path.exists():
        raise ConfigurationError(
            f"{path} does not exist. `starlift init` drafts a project from a database; of one without a database, it "
            f'needs no more than name = "{path.absolute().parent.name}".'
        )
    record = read_toml(path)
    refuse_unknown(record, SETTINGS, str(path))
    where, tables, cursor = str(path), record.get("tables", {}), read_name(record, "cursor", None, str(path))
    if not isinstance(tables, dict):
        raise ConfigurationError(f"{path}: tables must be tables of settings, such as [tables.staff].")
    return Project(
        folder=folder,
        name=str(read_name(record, "name", folder.resolve().name, where)),
        schema=str(read_name(record, "schema", "public", where)),
        warehouse_schema=_warehouse_schema(record, where),
        max_row_bytes=read_positive(record, "max_row_bytes", MAX_ROW_BYTES, where),
        calendar_years=_years(record.get("calendar_years", list(CALENDAR_YEARS)), path),
        max_horizon_age_seconds=read_positive(record, "max_horizon_age_seconds", MAX_HORIZON_AGE_SECONDS, where),
        settings={table: _settings(table, value, cursor, path) for table, value in tables.items()},
        models=_checked(tuple(read_model(path) for path in _model_files(folder / "models")), folder),
        default_cursor=cursor,
    )


def _model_files(folder: Path) -> list[Path]:
    """Return the models' files; hidden ones are an editor's or a file system's own."""
    found = (path for path in folder.glob("*") if path.suffix in {".sql", ".py"} and not path.name.startswith("."))
    return sorted(path for path in found if path.stem != "__init__")


def _years(value: Any, path: Path) -> tuple[int, int]:
    if isinstance(value, list) and len(value) == 2 and all(isinstance(year, int) for year in value):
        first, last = value
        if 1 <= first <= last <= 9999:
            return first, last
    raise ConfigurationError(f"{path}: calendar_years must be two years, such as [1900, 2100].")


def _settings(table: str, value: Any, cursor: str | None, path: Path) -> TableSettings:
    where = f"{path}: [tables.{table}]"
    if not isinstance(value, dict):
        raise ConfigurationError(f"{where} must be a table of settings.")
    refuse_unknown(value, TABLE_SETTINGS, where)
    return TableSettings(
        cursor=read_name(value, "cursor", cursor, where),
        exclude=read_names(value, "exclude", where),
        key=read_names(value, "key", where),
        overlap_seconds=read_whole_number(value, "overlap_seconds", OVERLAP_SECONDS, where, least=0),
        full=read_flag(value, "full", where),
        compares_keys=_compares_keys(value, where),
        deletes_every=read_positive(value, "deletes_every", 1, where),
        deletes_max_share=_deletes_max_share(value, where),
    )


def _deletes_max_share(value: Mapping[str, Any], where: str) -> float:
    found = read_share(value, "deletes_max_share", MAX_DELETED_SHARE, where)
    return MAX_DELETED_SHARE if found is None else found


def _compares_keys(value: Mapping[str, Any], where: str) -> bool:
    if (found := value.get("deletes")) not in (None, COMPARE_KEYS):
        raise ConfigurationError(f'{where}: deletes is {found!r}; the one way to find them is "{COMPARE_KEYS}".')
    return found is not None


def _warehouse_schema(value: Mapping[str, Any], where: str) -> str:
    found = str(read_name(value, "warehouse_schema", "public", where))
    if found in RESERVED_SCHEMAS or found.startswith("pg_") or len(found.encode()) > MAX_NAME_BYTES:
        raise ConfigurationError(
            f"{where}: warehouse_schema cannot be {identifier(found)}: it is longer than {MAX_NAME_BYTES} bytes, "
            "PostgreSQL's own, or where Starlift keeps its ledger."
        )
    return found


def _checked(models: tuple[Model, ...], folder: Path) -> tuple[Model, ...]:
    """Check what one model says of another."""
    if not (models or holds_file_tables(folder) or holds_export_tables(folder) or holds_delivery(folder)):
        raise ConfigurationError(
            f"{folder / 'models'} holds no model, and {folder / 'files'} and {folder / 'exports'} hold no table, nor "
            "is there a delivery.toml. A model is a .sql or .py file with a header, a table for dropped files or full "
            "exports a .toml file."
        )
    by_name = {model.name: model for model in models}
    if len(by_name) < len(models):
        raise ConfigurationError(f"{folder / 'models'} holds two models of one name, a .sql and a .py; remove one.")
    for model in models:
        for reference in model.references:
            parent = by_name.get(reference.table)
            if parent is None:
                raise model.error(f"references {reference.table}, but there is no such model", reference.table)
            if len(reference.columns) != len(parent.key):
                raise model.error(
                    f"references {parent.name} by {', '.join(reference.columns)}, but its key is "
                    f"{', '.join(parent.key) or 'none'}",
                    reference.table,
                )
            if parent.kind == "fact":
                raise model.error(
                    f"references {parent.name}, a fact; only dimensions and calendars can be referenced",
                    reference.table,
                )
    return models
