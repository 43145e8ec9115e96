"""`starlift quarantine`: what was set aside, why, and what to do with it."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from cli import arguments
from cli.console import out, print_json, reporting
from utils.errors import ConfigurationError

if TYPE_CHECKING:
    from local.warehouse.quarantine import Entry, Replay
    from utils.postgres.url import DatabaseUrl

app = typer.Typer(
    help="Rows that were set aside: list and show them, read them again, or drop them.", no_args_is_help=True
)

NOTHING = "Nothing is in quarantine."

Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Entries, by their ids or their beginnings.")]
OneId = Annotated[str, typer.Argument(metavar="ID", help="An entry's id or its beginning.")]
OfModel = Annotated[str | None, typer.Option("--model", metavar="MODEL", help="The entries of this model.")]
All = Annotated[bool, typer.Option("--all", help="Every entry.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@app.command("list")
def list_entries(warehouse: arguments.Warehouse, model: OfModel = None, as_json: arguments.Json = False) -> None:
    """List what is in quarantine, newest first, with the reason."""
    from local.warehouse.quarantine import read_entries

    with reporting(as_json):
        entries = read_entries(warehouse, model)
    if as_json:
        print_json({"entries": [asdict(entry) for entry in entries]})
        return
    if not entries:
        out.print(NOTHING)
        return
    out.print(_table(entries))
    for name in sorted({entry.model for entry in entries}):
        out.print(f"{name}: {sum(entry.model == name for entry in entries):,}")


def _table(entries: Iterable["Entry"]) -> Table:
    table = Table("id", "model", "key", "rule", "reason", "batch", "first seen", "waits", title_justify="left")
    for entry in entries:
        waits = "for its parent" if entry.waiting else "for a person"
        texts = (entry.id, entry.model, _key(entry), entry.rule, entry.reason, str(entry.batch))
        table.add_row(*texts, entry.first_seen[:19], waits)
    return table


def _key(entry: "Entry") -> str:
    return ", ".join(f"{name}={value}" for name, value in entry.key.items())


@app.command("show")
def show(entry_id: OneId, warehouse: arguments.Warehouse, as_json: arguments.Json = False) -> None:
    """Show one entry whole: its row, the rule that it broke, and since when it waits."""
    from local.warehouse.quarantine import choose, read_entries

    with reporting(as_json):
        entry = choose(read_entries(warehouse), [entry_id])[0]
    if as_json:
        print_json(asdict(entry))
        return
    out.print(_table([entry]))
    width = max((len(name) for name in entry.row), default=0)
    for name, value in entry.row.items():
        out.print(f"  {name:<{width}}  {'NULL' if value is None else value}")


@app.command("replay")
def replay(
    project: arguments.ProjectFolder,
    source: arguments.Source,
    warehouse: arguments.Warehouse,
    store: arguments.Store,
    ids: Ids = None,
    model: OfModel = None,
    everything: All = False,
    as_json: arguments.Json = False,
) -> None:
    """Read the rows behind entries again from the source as a new batch, after they or a model were mended."""
    from local.warehouse.quarantine import replay as read_again
    from local.warehouse.run import Job

    with reporting(as_json):
        job = Job(arguments.project(project), source, warehouse, store)
        chosen = _chosen(warehouse, ids or (), model, everything)
        done = read_again(job, chosen)
    if as_json:
        print_json(asdict(done))
    elif not chosen:
        out.print(NOTHING)
    else:
        _print_replay(done)


def _chosen(warehouse: "DatabaseUrl", ids: Sequence[str], model: str | None, everything: bool) -> "list[Entry]":
    from local.warehouse.quarantine import choose, read_entries

    if (bool(ids), model is not None, everything).count(True) != 1:
        raise ConfigurationError("Name entries by their ids, or by --model MODEL, or all of them by --all.")
    entries = read_entries(warehouse, model)
    chosen = choose(entries, ids) if ids else entries
    if model and not chosen:
        raise ConfigurationError(f"Nothing of {model} is in quarantine.")
    return chosen


def _print_replay(done: "Replay") -> None:
    for table in done.read_whole:
        out.print(f"{table} was read whole: single rows could not be named there by their key.")
    out.print(f"{len(done.left):,} left the quarantine.", style="green" if done.left else None)
    if done.gone:
        out.print(f"{len(done.gone):,} are no longer in the source, and were dropped.")
    if done.stayed:
        out.print(f"{len(done.stayed):,} stay, for these reasons:", style="yellow")
        out.print(_table(done.stayed))


@app.command("drop")
def drop(
    warehouse: arguments.Warehouse,
    ids: Ids = None,
    model: OfModel = None,
    everything: All = False,
    yes: Yes = False,
    as_json: arguments.Json = False,
) -> None:
    """Forget entries: their rows keep their last version, or stay out, until they change or are read again."""
    from local.warehouse.quarantine import drop as forget

    with reporting(as_json):
        chosen = _chosen(warehouse, ids or (), model, everything)
        if chosen and not yes:
            _confirm(chosen)
        dropped = forget(warehouse, chosen)
    if as_json:
        print_json({"dropped": dropped})
    elif not chosen:
        out.print(NOTHING)
    else:
        until = "until they change or are backfilled"
        out.print(f"Dropped {dropped:,}. Their rows keep their last version, or stay out, {until}.")


def _confirm(chosen: "list[Entry]") -> None:
    if not sys.stdin.isatty():
        raise ConfigurationError("Nobody is there to ask; give --yes to drop without a question.")
    out.print(_table(chosen))
    typer.confirm(f"Drop these {len(chosen):,}?", abort=True)
