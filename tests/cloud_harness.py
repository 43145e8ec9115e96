"""The make targets that reach AWS, with an emulated account and a stand-in for the terraform program."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from local.aws import EmulatedAws
from local.cloud.__main__ import main
from local.cloud.answers import Answers, write_answers
from tests.terminals import converse

STAND_IN = """#!{python}
import json, os, pathlib, sys, time
folder = pathlib.Path({folder!r})
says = json.loads((folder / "says.json").read_text())
words = [word for word in sys.argv[1:] if not word.startswith("-chdir=")]
with (folder / "calls.jsonl").open("a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
with (folder / "data_folders").open("a") as folders:
    folders.write(os.environ.get("TF_DATA_DIR", "") + "\\n")
if words[0] == says.get("lingers"):
    try:
        print(words[0] + " lingers", flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        time.sleep(1)
        (folder / "saved").touch()
        sys.exit(1)
managed = [{{"mode": "managed", **resource}} for resource in says["resources"]]
state = json.dumps({{"values": {{"root_module": {{"child_modules": [{{"resources": managed}}]}}}}}})
answers = {{
    "version": json.dumps({{"terraform_version": says["version"]}}),
    "output": json.dumps({{name: {{"value": value}} for name, value in says["outputs"].items()}}),
    "show": state if "-json" in sys.argv else "the plan as text",
}}
print(answers.get(words[0], words[0] + " was here"))
sys.exit(says["exits"].get(words[0], 0))
"""
KEPT = {"-destroy", "-var=protect_data=false", "-var=functions_enabled=false"}
ACCOUNT = "123456789012"
STATE_BUCKET = f"totesys-state-{ACCOUNT}-eu-west-2"
FULL_ANSWERS = Answers("totesys", "dev", region="eu-west-2", alert_email="ops@example.com")


@dataclass
class Cloud:
    """A copy of the repository as far as deploying needs it, and all that it reaches."""

    root: Path
    aws: EmulatedAws
    says: dict = field(
        default_factory=lambda: {"version": "1.11.4", "outputs": {}, "resources": [], "exits": {"plan": 2}}
    )

    def make(self, verb: str, *more: str) -> int:
        """Run a target where nobody can be asked, and return its exit code."""
        (self.root / "says.json").write_text(json.dumps(self.says))
        return main([verb, "--root", str(self.root), *more])

    def converse(self, verb: str, *answers: tuple[str, str], more: Sequence[str] = ()) -> tuple[int, str]:
        """Run a target with a person at its terminal, and return its exit code and what showed."""
        (self.root / "says.json").write_text(json.dumps(self.says))
        command = [sys.executable, "-m", "local.cloud", verb, "--root", str(self.root), *more]
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

    def answer(self, answers: Answers = FULL_ANSWERS, file: Path | None = None) -> None:
        """Put answers where `make configure` writes them."""
        write_answers(file or self.file, answers)

    def create_bucket(self, name: str) -> None:
        """Create a bucket."""
        where = {"LocationConstraint": "eu-west-2"}
        self.aws.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=where)

    def create_state_bucket(self) -> None:
        """Create the bucket of states as bootstrap leaves it."""
        self.create_bucket(STATE_BUCKET)
        versioned = {"Status": "Enabled"}
        self.aws.client("s3").put_bucket_versioning(Bucket=STATE_BUCKET, VersioningConfiguration=versioned)


def _words(arguments: list[str]) -> str:
    where = "bootstrap " if arguments[0].endswith("bootstrap") else ""
    kept = [word for word in arguments if not word.startswith("-") or word in KEPT]
    return where + " ".join(word for word in kept if not word.endswith(".tfplan"))


def install_stand_in(folder: Path, root: Path) -> None:
    """Write a terraform program that notes what it is asked and answers what it is told to."""
    program = folder / "terraform"
    program.write_text(STAND_IN.format(python=sys.executable, folder=str(root)))
    program.chmod(0o755)
