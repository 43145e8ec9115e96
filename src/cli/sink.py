"""`starlift sink`: the reference endpoint, to deliver to on this machine."""

import threading
from pathlib import Path
from typing import Annotated

import typer

from cli.console import err, out, reporting
from local.delivery.sink import Sink, running_sink
from local.delivery.sink_faults import Cut, Fault, Faults
from local.delivery.sink_store import SinkStore
from utils.errors import ConfigurationError

HEADER = "Name and value that a POST must have, as 'X-Api-Key: value'. An argument shows in the process list."


def sink(
    file: Annotated[Path, typer.Option(metavar="FILE", help="SQLite file that keeps the records.")],
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = 8580,
    header: Annotated[str, typer.Option(envvar="STARLIFT_SINK_HEADER", metavar="NAME: VALUE", help=HEADER)] = "",
    refuse: Annotated[list[str] | None, typer.Option(metavar="ID", help="Refuse the record with 422.")] = None,
    fail: Annotated[
        int, typer.Option(metavar="STATUS", help="Answer with this status, 300 to 599, and keep nothing; 0: none.")
    ] = 0,
    retry_after: Annotated[str, typer.Option(metavar="WHEN", help="With --fail: seconds or an HTTP date.")] = "",
    delay: Annotated[float, typer.Option(metavar="SECONDS", help="Answer late, the records already kept.")] = 0.0,
    cut: Annotated[
        Cut, typer.Option(help="Cut the connection: before or after storing, or in mid-answer.")
    ] = Cut.NEVER,
    times: Annotated[int, typer.Option(help="How many POSTs go wrong; 0: all.")] = 0,
    each: Annotated[int, typer.Option(help="Of the POSTs each n-th goes wrong.")] = 1,
) -> None:
    """Take batches on this machine, keep each record once, print each POST, and go wrong as told, until Ctrl-C.

    While it runs, GET /_sink/records and /_sink/posts show what it holds and got; POST /_sink/faults and /_sink/refused
    change what goes wrong next. docs/delivery.md says how.
    """
    with reporting(as_json=False):
        fault = Fault(status=fail, retry_after=retry_after, delay=delay, cut=cut, times=times, each=each)
        goes_wrong = bool(fault.status or fault.delay or fault.cut is not Cut.NEVER)
        if not goes_wrong and fault != Fault(times=0):
            raise ConfigurationError(
                "--times, --each and --retry-after only say how. Say what goes wrong, by --fail, --delay or --cut."
            )
        faults = Faults([fault] if goes_wrong else [])
        taker = Sink(SinkStore(file), _pair(header), faults, set(refuse or ()), out.print)
        with running_sink(taker, port) as running:
            out.print(f"POST batches to {running.url}")
            _wait()
    err.print(f"{len(taker.store.records())} records in {file}")


def _pair(header: str) -> tuple[str, str] | None:
    name, colon, value = header.partition(":")
    if header and not (name.strip() and colon and value.strip()):
        raise typer.BadParameter("--header is a name and a value, as 'X-Api-Key: value'.")
    return (name.strip(), value.strip()) if header else None


def _wait() -> None:
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        return
