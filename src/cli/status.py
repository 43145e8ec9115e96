"""`starlift status`: where every batch stands."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.table import Table

from cli import arguments
from cli.console import out, print_json, reporting
from local.narration import counted

if TYPE_CHECKING:
    from local.warehouse.standing import Standing


def status(
    project: arguments.ProjectFolder,
    warehouse: arguments.Warehouse,
    store: arguments.Store,
    as_json: arguments.Json = False,
) -> None:
    """Show the newest batches, how fresh the warehouse is, and what waits in quarantine."""
    from local.warehouse.standing import read_standing

    with reporting(as_json):
        standing = read_standing(arguments.project(project), store, warehouse)
    if as_json:
        print_json(asdict(standing))
    else:
        _print(standing)


def _print(standing: "Standing") -> None:
    if not standing.landed:
        out.print("No batch yet. `starlift run` makes the first.")
        return
    table = Table(
        "batch", "state", "rows", "source as of", "loaded at", "run", title="Newest batches", title_justify="left"
    )
    for batch in standing.batches:
        times = (batch.taken_at[:19].replace("T", " "), (batch.loaded_at or "·")[:19])
        table.add_row(str(batch.batch), batch.state, f"{batch.rows:,}", *times, batch.run_id)
    out.print(table)
    if standing.age_seconds is not None:
        out.print(f"The warehouse shows the source as it was {_age(standing.age_seconds)} ago.")
    for model, rows in standing.quarantine.items():
        out.print(f"{model}: {counted(rows, 'row')} in quarantine; see `starlift quarantine list`.", style="yellow")
    for model in standing.changed_models:
        out.print(
            f"{model}: changed since its table was built; --rebuild {model} applies it to all rows.", style="yellow"
        )
    if standing.orphans:
        out.print(
            f"In no batch: {counted(standing.orphans, 'recent object')} ({standing.orphan_bytes:,} bytes), left by "
            "runs that failed or lost a race, and harmless. `starlift clean` removes what is older than a day."
        )


def _age(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:.1f} hours"
