"""`starlift dlq`: messages that no retry helped, why, and what to do with them."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from cli import arguments
from cli.console import out, print_json, reporting
from utils.errors import ConfigurationError

if TYPE_CHECKING:
    from local.dead_letters import Letter

app = typer.Typer(
    help="Messages that no retry helped: list and show them, send them again, or drop them.",
    no_args_is_help=True,
)

NOTHING = "Nothing is in the dead-letter queue."

Dlq = Annotated[
    str,
    typer.Option("--dlq", envvar="STARLIFT_DLQ", metavar="URL|NAME", show_envvar=True, help="The dead-letter queue."),
]
Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Messages, by their ids or beginnings.")]
OneId = Annotated[str, typer.Argument(metavar="ID", help="A message's id or its beginning.")]
All = Annotated[bool, typer.Option("--all", help="Every message.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Queue = Annotated[str, typer.Option("--queue", metavar="URL", help="Where to send; by itself, where they came from.")]


@app.command("list")
def list_messages(dlq: Dlq, as_json: arguments.Json = False) -> None:
    """List what is in the dead-letter queue, with the reason."""
    from local.dead_letters import open_letters

    with reporting(as_json), open_letters(dlq).read() as letters:
        pass
    if as_json:
        print_json({"messages": [_record(letter) for letter in letters]})
    else:
        out.print(_table(letters) if letters else NOTHING)


@app.command("show")
def show(message_id: OneId, dlq: Dlq, as_json: arguments.Json = False) -> None:
    """Show one message whole."""
    from local.dead_letters import choose, open_letters

    with reporting(as_json), open_letters(dlq).read() as letters:
        (letter,) = choose(letters, [message_id])
    if as_json:
        print_json(_record(letter))
        return
    out.print(_table([letter]))
    out.print(letter.body)


@app.command("replay")
def replay(
    dlq: Dlq, ids: Ids = None, everything: All = False, queue: Queue = "", as_json: arguments.Json = False
) -> None:
    """Send messages to their queue again, after what refused them was mended: the file, the database, the endpoint."""
    from local.dead_letters import open_letters

    with reporting(as_json):
        dead = open_letters(dlq)
        with dead.read() as letters:
            chosen = _chosen(letters, ids or (), everything)
            dead.replay(chosen, queue)
    if as_json:
        print_json({"replayed": [letter.id for letter in chosen]})
    else:
        out.print(f"Sent {len(chosen):,} again." if chosen else NOTHING)


@app.command("drop")
def drop(dlq: Dlq, ids: Ids = None, everything: All = False, yes: Yes = False, as_json: arguments.Json = False) -> None:
    """Delete messages: files and records stay in their bucket, and are not loaded or delivered."""
    from local.dead_letters import open_letters

    with reporting(as_json):
        dead = open_letters(dlq)
        with dead.read() as letters:
            chosen = _chosen(letters, ids or (), everything)
            if chosen and not yes:
                _confirm(chosen)
            dead.drop(chosen)
    if as_json:
        print_json({"dropped": [letter.id for letter in chosen]})
    else:
        out.print(f"Dropped {len(chosen):,}. Files and records stay where they are." if chosen else NOTHING)


def _chosen(letters: "Sequence[Letter]", ids: Sequence[str], everything: bool) -> "list[Letter]":
    from local.dead_letters import choose

    if bool(ids) == everything:
        raise ConfigurationError("Name messages by their ids, or all of them by --all.")
    return list(letters) if everything else choose(letters, ids)


def _confirm(chosen: "list[Letter]") -> None:
    if not sys.stdin.isatty():
        raise ConfigurationError("Nobody is there to ask; give --yes to drop without a question.")
    out.print(_table(chosen))
    typer.confirm(f"Drop these {len(chosen):,}?", abort=True)


def _record(letter: "Letter") -> dict[str, str | int]:
    return {name: value for name, value in asdict(letter).items() if name != "receipt"}


def _table(letters: "Iterable[Letter]") -> Table:
    from local.dead_letters import ID_LENGTH

    table = Table("id", "about", "error", "reason", "since", title_justify="left")
    for letter in letters:
        table.add_row(letter.id[:ID_LENGTH], _about(letter), letter.error_type, letter.reason, _since(letter))
    return table


def _about(letter: "Letter") -> str:
    """Say which file or record a message is about."""
    if letter.records > 1:
        return f"{letter.records:,} records, the first {letter.key}"
    return f"record {letter.key}" if letter.records else letter.key


def _since(letter: "Letter") -> str:
    return f"{datetime.fromtimestamp(int(letter.sent) / 1000, UTC):%Y-%m-%d %H:%M}" if letter.sent else ""
