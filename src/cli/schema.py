"""`starlift schema`: the log as a schema registry."""

from cli import arguments
from cli.console import out, print_json, reporting


def history(store: arguments.Store, as_json: arguments.Json = False) -> None:
    """List every change of the source's tables that the log has seen, batch by batch."""
    from local.warehouse.schema_history import schema_history

    with reporting(as_json):
        changes = schema_history(store)
    if as_json:
        print_json(
            {"changes": [{"batch": change.batch, "table": change.table, "change": change.text} for change in changes]}
        )
        return
    for change in changes:
        out.print(f"batch {change.batch:>6}  {change.table:<24} {change.text}")
