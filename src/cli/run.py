"""`starlift run`: one run of the three stages on this machine."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from cli import arguments
from cli.console import out, print_json, reporting
from local.narration import counted
from utils.errors import ConfigurationError

if TYPE_CHECKING:
    from local.warehouse.rebuild import Rebuilt
    from local.warehouse.run import Job, RunReport

Backfill = Annotated[
    list[str] | None,
    typer.Option("--backfill", metavar="TABLE", help="Read this source table in full; may be given again."),
]
AcceptDeletes = Annotated[
    list[str] | None,
    typer.Option(
        "--accept-deletes",
        metavar="TABLE",
        help="Let any share of this source table's rows be deleted in this run; may be given again.",
    ),
]
CompareKeys = Annotated[
    list[str] | None,
    typer.Option(
        "--compare-keys",
        metavar="TABLE",
        help="Look for deleted rows of this source table now, as after a restore; may be given again.",
    ),
]
Rebuild = Annotated[
    list[str] | None,
    typer.Option(
        "--rebuild", metavar="MODEL", help="First compute this changed model's table anew; may be given again."
    ),
]
Retransform = Annotated[
    list[int] | None,
    typer.Option(
        "--retransform", metavar="N", help="First transform this waiting batch again, after a model was mended."
    ),
]
Resync = Annotated[bool, typer.Option("--resync", help="Read every table in full, as after a restore of the source.")]


def run(
    project: arguments.ProjectFolder,
    source: arguments.Source,
    warehouse: arguments.Warehouse,
    store: arguments.Store,
    backfill: Backfill = None,
    resync: Resync = False,
    accept_deletes: AcceptDeletes = None,
    compare_keys: CompareKeys = None,
    rebuild: Rebuild = None,
    retransform: Retransform = None,
    as_json: arguments.Json = False,
) -> None:
    """Lift what changed in the source since the last run into the warehouse."""
    from local.warehouse.run import Job, Request, run_once  # DuckDB and boto3 load only for the verbs that use them

    with reporting(as_json):
        job = Job(arguments.project_with_models(project), source, warehouse, store)
        request = Request(resync, tuple(backfill or ()), tuple(accept_deletes or ()), tuple(compare_keys or ()))
        named = {*request.backfill, *request.accept_deletes, *request.compare_keys}
        if unknown := sorted(named - set(job.project.tables)):
            raise ConfigurationError(
                f"{unknown[0]}: the project reads no such table. It reads {', '.join(job.project.tables)}."
            )
        rebuilt = _prepare(job, rebuild or [], retransform or [])
        report = run_once(job, request)
    if as_json:
        print_json({**asdict(report), "rebuilt": [asdict(done) for done in rebuilt]})
    else:
        _print(report)


def _prepare(job: "Job", models: list[str], numbers: list[int]) -> "list[Rebuilt]":
    """Do what must be done before the run can go on, and return what was rebuilt."""
    from local.warehouse.rebuild import rebuild_model
    from local.warehouse.rebuild import retransform as transform_again

    if numbers:
        transform_again(job, tuple(numbers))
    return [rebuild_model(job, model) for model in models]


def _print(report: "RunReport") -> None:
    if report.batch is None and not report.tables:
        out.print("Nothing changed in the source, and nothing waited. The warehouse is up to date.")
    else:
        from local.reports import report_table

        out.print(report_table(report))
    _print_audit(report.audit)


def _print_audit(audit: Mapping[str, float]) -> None:
    """Tell what only the horizon found, and how long a transaction has held it back."""
    if audit["late"] or audit["read_again"]:
        late = f"{counted(int(audit['late']), 'changed row')} that the cursor column alone would have missed"
        out.print(f"Audit: {late}; {counted(int(audit['read_again']), 'row')} read that the warehouse held already.")
    if audit["horizon_age_seconds"]:
        age, behind = audit["horizon_age_seconds"], audit["horizon_transactions_behind"]
        out.print(
            f"Audit: a transaction has been open for {age:,.0f} s or more; {behind:,} began since.", style="yellow"
        )
