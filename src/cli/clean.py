"""`starlift clean`: remove what killed runs and lost races left in the store."""

import re
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from cli import arguments
from cli.console import out, print_json, reporting
from local.narration import counted
from utils.errors import ConfigurationError

if TYPE_CHECKING:
    from local.warehouse.orphans import Orphans

EXAMPLES = 5  # shown of each half of the store
LONGEST = 1_000_000  # days: past any object's age, and within what Python can count


def _age(text: str | timedelta) -> timedelta:
    if isinstance(text, timedelta):  # the default comes this way too
        return text
    found = re.fullmatch(r"(\d+)([dh])", text)
    if not found:
        raise typer.BadParameter(f"{text!r} is not an age in hours or days, such as 36h or 1d; at least 1h.")
    number = min(int(found.group(1)), LONGEST)
    return timedelta(days=number) if found.group(2) == "d" else timedelta(hours=number)


OlderThan = Annotated[
    timedelta,
    typer.Option(
        parser=_age,
        metavar="AGE",
        show_default="a day",
        help="Leave younger ones alone; in hours or days, such as 36h or 1d, at least 1h.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def clean(
    store: arguments.Store,
    older_than: OlderThan = timedelta(days=1),
    yes: Yes = False,
    as_json: arguments.Json = False,
) -> None:
    """Show the objects that no batch names, then remove them; they are of no use to any run."""
    from local.warehouse.orphans import find_orphans, remove

    with reporting(as_json):
        found = find_orphans(store, older_than, datetime.now(UTC))
        count, size = sum(len(half.objects) for half in found), sum(half.bytes for half in found)
        if not as_json:
            _show(found, count, size)
        if count and not yes:
            _confirm(count)
        removed = sum(remove(half) for half in found)
    if as_json:
        print_json({"removed": removed, "bytes": size})
    elif count:
        out.print(f"Removed {removed:,}.")


def _show(found: "list[Orphans]", count: int, size: int) -> None:
    if not count:
        out.print("Every object belongs to a batch, or is too young to tell.")
        return
    out.print(f"In no batch: {counted(count, 'object')}, {counted(size, 'byte')}:")
    for half in found:
        for example in half.objects[:EXAMPLES]:
            out.print(f"  {half.half.log.store.url}/{example.key}", soft_wrap=True)
        if len(half.objects) > EXAMPLES:
            out.print(f"  ... and {len(half.objects) - EXAMPLES:,} more there")


def _confirm(count: int) -> None:
    if not sys.stdin.isatty():
        raise ConfigurationError("Nobody is there to ask; give --yes to remove without a question.")
    typer.confirm(f"Remove these {count:,}?", abort=True)
