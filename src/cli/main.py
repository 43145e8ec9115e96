"""The `starlift` command: every verb, its arguments and its exit code."""

from typing import Annotated

import typer

from cli import check, clean, files, init, invoke, quarantine, run, schema, sink, status, verify

app = typer.Typer(
    name="starlift",
    help="Lift operational PostgreSQL rows into a star schema: every change, exactly once.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # its tracebacks could show a local variable that holds a password
)
schema_app = typer.Typer(help="What the log remembers of the source's tables.", no_args_is_help=True)
app.add_typer(schema_app, name="schema")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(files.app, name="files")

app.command("run")(run.run)
app.command("verify")(verify.verify)
app.command("status")(status.status)
app.command("check")(check.check)
app.command("init")(init.init)
app.command("clean")(clean.clean)
app.command("invoke")(invoke.invoke)
app.command("sink")(sink.sink)
schema_app.command("history")(schema.history)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"starlift {version('starlift')}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Read the options that every verb shares."""


def main() -> None:
    """Run the command."""
    app()
