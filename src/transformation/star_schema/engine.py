"""One batch through every model, in an embedded DuckDB that spills to scratch space."""

import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb

from transformation.star_schema.build import Built, ModelRows
from transformation.star_schema.calendar import Range, grown
from transformation.star_schema.database import named_errors, shut_off
from transformation.star_schema.definition import (
    check_names,
    check_references,
    check_where,
    typed,
    warehouse_table,
)
from transformation.star_schema.presence import check_presence, key_relation, present_keys, write_present
from transformation.star_schema.python_model import output_items
from transformation.star_schema.quality import DataTest, calendar_columns, check_tests, data_tests
from transformation.star_schema.relations import LATE, Relation, create_lookup, create_relation
from transformation.star_schema.select_list import SelectList, parse_body
from transformation.star_schema.sql import calendar_rows, late_flag
from utils.definition import definition
from utils.errors import IntegrityError
from utils.joins import resolve_lookups
from utils.manifest import SourceTable, WarehouseTable
from utils.model import CALENDAR, Lookup, Model
from utils.postgres.names import identifier, literal
from utils.project import Project

logger = logging.getLogger(__name__)

DAYS = Relation(CALENDAR, {"date": "DATE"}, {"date": "date"})  # what a calendar's body reads
Files = Mapping[str, Mapping[str, list[Path]]]  # local CSV files by table and role


@dataclass
class Engine:
    """One batch: its relations, and the models computed so far."""

    connection: duckdb.DuckDBPyConnection
    project: Project
    tables: Mapping[str, SourceTable]
    folder: Path
    sources: dict[str, Relation] = field(default_factory=dict)
    files: Files = field(default_factory=dict)

    def add_tables(self, files: Files) -> None:
        """Make every source table a relation, and these files all that can be read from here on."""
        paths = [path for by_role in files.values() for found in by_role.values() for path in found]
        shut_off(self.connection, [self.folder, self.project.folder / "lookups"], paths)
        self.files = files
        for name, table in self.tables.items():
            rows = {role: found for role, found in files.get(name, {}).items() if role != "keys"}
            self.sources[name] = create_relation(self.connection, table, rows)

    def plan(self, model: Model) -> "Plan":
        """Resolve a model against this batch's tables: its joins, its columns, its table."""
        lookups = resolve_lookups(model, self.tables)
        relations = self._relations(model, lookups)
        python = model.path.suffix == ".py"
        found = output_items(model) if python else parse_body(model)
        check_names(model, found.names)
        types = dict(model.types)
        if not python:
            check_references(model, found, relations)
            check_where(model, found, relations)
            types, found = typed(self.connection, model, found, lookups, relations)
        models = {other.name: other for other in self.project.models}
        table = self._with_deletes(model, found, relations, warehouse_table(model, types, models))
        table = replace(table, definition=definition(model, self.project.folder))
        tests = data_tests(model, table, models, self.project.calendar_years)
        check_tests(self.connection, model, table, tests)
        return Plan(model, lookups, relations, found, table, tests)

    def _with_deletes(
        self, model: Model, found: SelectList, relations: Mapping[str, Relation], table: WarehouseTable
    ) -> WarehouseTable:
        """Return the table with the share of its rows that may be deleted at once, where deletes are looked for."""
        if not model.driving or model.load == "replace":
            return table
        settings, driving = self.project.table_settings(model.driving), self.tables[model.driving]
        if not settings.compares_keys and not driving.keys:
            return table
        check_presence(model, found, relations, driving)
        return replace(table, max_deleted_share=settings.deletes_max_share)

    def _relations(self, model: Model, lookups: Iterable[Lookup]) -> dict[str, Relation]:
        relations = {model.alias: self.sources[model.driving] if model.driving else DAYS}
        for lookup in lookups:
            relations[lookup.alias] = self.sources[lookup.table] if lookup.table else self.lookup_file(model, lookup)
        return relations

    def lookup_file(self, model: Model, lookup: Lookup) -> Relation:
        """Make a lookup file a relation."""
        path = self.project.folder / "lookups" / str(lookup.file)
        if not path.resolve().is_relative_to((self.project.folder / "lookups").resolve()) or not path.is_file():
            raise model.error(f"looks up {lookup.file}, which is not in {path.parent}", lookup.alias)
        return create_lookup(self.connection, path, lookup.key)

    def build(self, plan: "Plan") -> Built:
        """Compute one model over the batch: its rows, and the keys that are still there if the batch tells."""
        built, table = self._build_rows(plan), self.tables[str(plan.model.driving)]
        files = self.files.get(table.name, {}).get("keys", [])
        if not files or plan.table.max_deleted_share is None:
            return built
        path = self.folder / f"{plan.model.name}-present.parquet"
        keys = key_relation(self.connection, table, files)
        with named_errors(str(plan.model.path)):
            query = present_keys(plan.model, plan.found, plan.tests, keys)
            count = write_present(self.connection, query, path)
        return replace(built, present=path, counts={**built.counts, "present": count})

    def _build_rows(self, plan: "Plan") -> Built:
        """Compute one model's rows, if the batch holds any of its driving rows."""
        table = self.tables[str(plan.model.driving)]
        if not table.changed and not table.affected and not (table.whole and plan.model.load == "replace"):
            return Built()
        if plan.model.load == "replace" and not table.whole:
            return Built()
        started = time.monotonic()
        with named_errors(str(plan.model.path)):
            built = self._rows(plan, table).build()
        _refuse_lost_rows(plan, table, built)
        duration_ms = round(1000 * (time.monotonic() - started))
        extra = {"table": plan.model.name, "row_count": built.counts["rows"], "duration_ms": duration_ms}
        logger.info("model built", extra={**extra, "quarantined": built.counts["quarantine"]})
        return built

    def _rows(self, plan: "Plan", table: SourceTable) -> ModelRows:
        mark = None if table.whole else table.previous_high_water_mark
        late = late_flag(plan.model, plan.relations, table.cursor, mark)
        rows = ModelRows(
            self.connection, plan.model, plan.found, plan.lookups, plan.relations, plan.tests, late, self.folder
        )
        if plan.model.path.suffix == ".py":
            return self._computed(plan, rows)
        return replace(rows, source_key=table.primary_key)

    def _computed(self, plan: "Plan", rows: ModelRows) -> ModelRows:
        """Run a Python model, and let its output be the relation whose rows are tested and written."""
        from transformation.star_schema.frames import PythonRows  # pandas, only where a model asks for it

        python = PythonRows(self.connection, plan.model, plan.lookups, plan.relations, rows.late)
        gone = self.folder / f"{plan.model.name}-gone.parquet"
        computed = python.compute(gone)
        return replace(
            rows,
            lookups=(),
            relations={plan.model.alias: computed.relation},
            late=identifier(LATE),
            computed_gone=gone if computed.some_gone else None,
            some_lost=computed.some_lost,
        )

    def calendar_range(self, before: Range | None, plans: Iterable["Plan"], built: Mapping[str, Built]) -> Range | None:
        """Return the calendar's range once this batch's dates are in it."""
        models = {model.name: model for model in self.project.models}
        dates: list[str] = []
        for plan in plans:
            rows = built[plan.model.name].rows if plan.model.name in built else None
            columns = calendar_columns(plan.model, models)
            if rows and columns:
                ends = ", ".join(f"min({identifier(c)})::VARCHAR, max({identifier(c)})::VARCHAR" for c in columns)
                found = self.connection.execute(f"SELECT {ends} FROM read_parquet({literal(str(rows))})").fetchone()
                dates += [date for date in found or () if date is not None]
        return grown(before, dates)

    def build_calendar(self, plan: "Plan", covered: Range) -> Built:
        """Write every row of a calendar."""
        path = self.folder / f"{plan.model.name}-rows.parquet"
        query = f"SELECT {plan.found.columns}, false AS _late {calendar_rows(*covered)}"
        found = self.connection.execute(f"COPY ({query}) TO {literal(str(path))} (FORMAT parquet)").fetchone()
        count = int(found[0]) if found else 0
        logger.info("model built", extra={"table": plan.model.name, "row_count": count, "duration_ms": 0})
        return Built(rows=path, counts={"rows": count, "gone": 0, "quarantine": 0})


@dataclass(frozen=True)
class Plan:
    """One model, resolved against one catalogue."""

    model: Model
    lookups: tuple[Lookup, ...]
    relations: Mapping[str, Relation]
    found: SelectList
    table: WarehouseTable
    tests: list[DataTest]


def _refuse_lost_rows(plan: Plan, table: SourceTable, built: Built) -> None:
    """Check that each driving row came out somewhere, once: no join doubled it and no reader skipped it."""
    if plan.found.where is not None and plan.model.load == "replace":
        return  # such a model drops rows without a trace, as it should
    expected, found = sum(file.rows for file in table.changed + table.affected), sum(built.counts.values())
    if found != expected:
        raise IntegrityError(
            f"{plan.model.path}: {plan.model.name} made {found} rows of {expected} in {table.name}. Each driving row "
            "must come out once; look for a function that multiplies rows, else report this.",
            model=plan.model.name,
        )
