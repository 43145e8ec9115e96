"""The starlift command as a person runs it, on databases of one test."""

import json
from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner, Result

from cli.main import app
from extraction.database.wiring import open_source
from utils.postgres.url import parse_url


@dataclass(frozen=True)
class Place:
    """A project, its databases and its store."""

    project: Path
    source: str
    warehouse: str
    store: Path

    def starlift(self, verb: str, *more: str, **changes: str) -> Result:
        """Run a verb with the arguments that it takes; `changes` replace some."""
        given = {
            "project": str(self.project),
            "source": self.source,
            "warehouse": self.warehouse,
            "store": str(self.store),
        }
        given |= changes
        taken = {
            "run": ("project", "source", "warehouse", "store"),
            "verify": ("project", "source", "warehouse"),
            "status": ("project", "warehouse", "store"),
            "check": ("project", "source"),
        }
        arguments = [part for name in taken[verb] for part in (f"--{name}", given[name])]
        return CliRunner().invoke(app, [verb, *arguments, *more])

    def succeed(self, *verbs: str, **changes: str) -> None:
        """Run verbs that must all succeed."""
        for verb in verbs:
            done = self.starlift(verb, **changes)
            assert done.exit_code == 0, (done.output, done.exception)

    def answer(self, verb: str, *more: str, **changes: str) -> dict:
        """Run a verb with --json and return its one object."""
        return json.loads(self.starlift(verb, "--json", *more, **changes).stdout)

    def ask(self, statements: str, where: str = "source") -> list:
        """Run statements on one of the databases."""
        with open_source(parse_url(getattr(self, where))) as session:
            return session.execute_simple(statements).rows or []

    def dump(self, query: str, where: str) -> str:
        """Return a query's rows as COPY writes them, in settings of its own."""
        with open_source(parse_url(getattr(self, where))) as session:
            session.execute_simple("SET TimeZone = 'UTC'")
            return b"".join(session.copy_out(f"COPY ({query}) TO STDOUT CSV", 1 << 30)).decode()


def make_place(folder: Path, make_database, models: dict[str, str] | None = None, pipeline: str = "") -> Place:
    """Return a place with empty databases and, unless it is to be drafted, a project."""
    project = folder / "project"
    if models is not None:
        (project / "models").mkdir(parents=True)
        (project / "pipeline.toml").write_text(pipeline)
        for name, text in models.items():
            (project / "models" / name).write_text(text)
    return Place(project, make_database(), make_database(), folder / "store")


def refused(done: Result, *says: str) -> None:
    """Hold that a command ended with a named error that says all this, and with no traceback."""
    assert done.exit_code == 1, (done.output, done.exception)
    assert isinstance(done.exception, SystemExit), done.exception
    told = " ".join(done.output.split())
    for text in ("Error: ", *says):
        assert text in told, told
