"""The make targets that reach AWS, with an emulated account and a stand-in for the terraform program."""

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

from local.aws import EmulatedAws
from local.cloud.__main__ import main
from local.cloud.answers import Answers, write_answers
from tests.terminals import converse

STAND_IN = """#!{python}
import json, pathlib, sys
folder = pathlib.Path({folder!r})
says = json.loads((folder / "says.json").read_text())
words = [word for word in sys.argv[1:] if not word.startswith("-chdir=")]
with (folder / "calls.jsonl").open("a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
answers = {{
    "version": json.dumps({{"terraform_version": says["version"]}}),
    "output": json.dumps({{name: {{"value": value}} for name, value in says["outputs"].items()}}),
    "state": "\\n".join(says["state"]) if "list" in words else "",
    "show": "the plan as text",
}}
print(answers.get(words[0], words[0] + " was here"))
sys.exit(says["exits"].get(words[0], 0))
"""
ACCOUNT = "123456789012"
STATE_BUCKET = f"totesys-state-{ACCOUNT}-eu-west-2"
FULL_ANSWERS = Answers("totesys", "dev", region="eu-west-2", alert_email="ops@example.com")


@dataclass
class Cloud:
    """A copy of the repository as far as deploying needs it, and all that it reaches."""

    root: Path
    aws: EmulatedAws
    says: dict = field(default_factory=lambda: {"version": "1.11.4", "outputs": {}, "state": [], "exits": {"plan": 2}})

    def make(self, verb: str, *more: str) -> int:
        """Run a target where nobody can be asked, and return its exit code."""
        (self.root / "says.json").write_text(json.dumps(self.says))
        return main([verb, "--root", str(self.root), *more])

    def converse(self, verb: str, *answers: tuple[str, str], project: str = "projects/totesys") -> tuple[int, str]:
        """Run a target with a person at its terminal, and return its exit code and what showed."""
        (self.root / "says.json").write_text(json.dumps(self.says))
        command = [sys.executable, "-m", "local.cloud", verb, "--root", str(self.root), "--project", project]
        return converse(command, answers, {"COLUMNS": "200"})

    def calls(self) -> list[str]:
        """Return the words given to terraform, without its options."""
        path = self.root / "calls.jsonl"
        lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        calls = [_words(line) for line in lines]
        return [call for call in calls if call != "version"]

    def arguments(self, word: str) -> list[str]:
        """Return all that terraform was given with a word, the last time."""
        lines = map(json.loads, (self.root / "calls.jsonl").read_text().splitlines())
        return [line for line in lines if word in line][-1]

    @property
    def file(self) -> Path:
        """Return where `make configure` writes."""
        return self.root / "terraform/environments/totesys-dev.tfvars"

    def answer(self, answers: Answers = FULL_ANSWERS) -> None:
        """Put answers where `make configure` writes them."""
        write_answers(self.file, answers)

    def create_bucket(self, name: str) -> None:
        """Create a bucket."""
        where = {"LocationConstraint": "eu-west-2"}
        self.aws.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=where)


def _words(arguments: list[str]) -> str:
    where = "bootstrap " if arguments[0].endswith("bootstrap") else ""
    kept = [word for word in arguments if not word.startswith("-") or word in {"-destroy", "-var=protect_data=false"}]
    return where + " ".join(word for word in kept if not word.endswith(".tfplan"))


def install_stand_in(folder: Path, root: Path) -> None:
    """Write a terraform program that notes what it is asked and answers what it is told to."""
    program = folder / "terraform"
    program.write_text(STAND_IN.format(python=sys.executable, folder=str(root)))
    program.chmod(0o755)
