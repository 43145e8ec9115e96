"""`starlift verify`: is the warehouse what the models make of the source?"""

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from cli import arguments
from cli.console import out, print_json, reporting

if TYPE_CHECKING:
    from local.warehouse.verification import TableComparison


def verify(
    project: arguments.ProjectFolder,
    source: arguments.Source,
    warehouse: arguments.Warehouse,
    as_json: arguments.Json = False,
) -> None:
    """Compare every warehouse table with its model over the whole source; exit 1 for real differences."""
    from local.warehouse.verification import verify as compare  # DuckDB loads only for the verbs that use it

    with reporting(as_json):
        found = compare(arguments.project_with_models(project), source, warehouse)
    equal = all(table.is_equal for table in found)
    if as_json:
        print_json({"equal": equal, "tables": {table.table: asdict(table) for table in found}})
    else:
        _print(found, equal)
    if not equal:
        raise typer.Exit(1)


def _print(found: "list[TableComparison]", equal: bool) -> None:
    from local.reports import comparison_table

    out.print(comparison_table(found))
    for table in found:
        for example in table.examples:
            out.print(f"  {table.table}: {example}", style="red")
    if equal:
        out.print(_agreement(found), style="green")
    else:
        out.print("The warehouse differs from the source. `starlift run --resync` reads everything again.", style="red")


def _agreement(found: "list[TableComparison]") -> str:
    """Say that nothing differs, and what is left to wait for."""
    waits = {
        "wait for the next batch": sum(table.pending for table in found),
        "in quarantine": sum(table.quarantined for table in found),
    }
    left = ", ".join(f"{_rows(number)} {where}" for where, number in waits.items() if number)
    if left:
        return f"No difference; {left}."
    rows = sum(table.rows for table in found)
    return f"No difference: {rows:,} current rows are what the models make of the source."


def _rows(number: int) -> str:
    return f"{number:,} {'row' if number == 1 else 'rows'}"
