"""A file drop on the second emulated AWS: its bucket, its queues, its table."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from cli.main import app
from local.packaging.build_target import here
from local.packaging.packages import Build, build_packages
from tests.emulator import emulator
from tests.terraform.calls import CallRecorder
from tests.terraform.deployment import apply, configurations
from tests.terraform.emulated import Emulated, until

TABLE = """
file_column = "source_file"
[columns]
id = { type = "integer", required = true }
fuel = { type = "numeric(4,1)", minimum = 0, maximum = 100 }
"""
RETRY_AFTER = 5  # seconds a message stays hidden, instead of the hour and a half that it is deployed with


@dataclass
class FileDrop(Emulated):
    """A deployed file drop, and what to do with it."""

    def drop(self, key: str, content: bytes) -> str:
        """Put a file into the bucket, and return its version."""
        put = self.aws.client("s3").put_object(Bucket=self.bucket("files"), Key=key, Body=content)
        return str(put["VersionId"])

    def bucket(self, which: str) -> str:
        """Return the name of the bucket of files, or of that of their quarantine."""
        return str(self.outputs[{"files": "files", "quarantine": "files_quarantine"}[which]]).split("/")[2]

    def announce(self, key: str, version: str, sequencer: str = "00FF") -> None:
        """Tell of a file once more, as S3 does when it tells twice."""
        thing = {"key": key, "versionId": version, "sequencer": sequencer, "size": 1, "eTag": "any"}
        record = {
            "eventSource": "aws:s3",
            "eventName": "ObjectCreated:Put",
            "eventTime": "2026-11-21T00:00:00.000Z",
            "s3": {"bucket": {"name": self.bucket("files")}, "object": thing},
        }
        self.aws.client("sqs").send_message(
            QueueUrl=self.outputs["files_queue_url"], MessageBody=json.dumps({"Records": [record]})
        )

    def waiting(self, which: str) -> int:
        """Return how many messages a queue holds, handed out or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.attributes(which, names)
        return sum(int(found[name]) for name in names)

    def attributes(self, which: str, names: list[str]) -> Mapping[str, str]:
        """Return settings or figures of the queue of files, or of the dead letters."""
        url = self.outputs[f"files_{which}_url"]
        found = self.aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)
        return dict(found["Attributes"])

    def dead_letter(self, key: str) -> dict[str, str]:
        """Wait until a file is given up, and return what its message says of it."""
        return until(lambda: next((told for told in self._told() if told["key"] == key), None))

    def _told(self) -> Iterator[dict[str, str]]:
        for letter in self.dead_letters():
            yield {name: value["StringValue"] for name, value in letter.get("MessageAttributes", {}).items()}

    def dead_letters(self) -> list[Mapping[str, Any]]:
        """Take a look at the dead letters, and leave them where they are."""
        found = self.aws.client("sqs").receive_message(
            QueueUrl=self.outputs["files_dead_letters_url"],
            MaxNumberOfMessages=10,
            VisibilityTimeout=0,
            MessageAttributeNames=["All"],
            AttributeNames=["All"],
        )
        return list(found.get("Messages", []))

    def look_after_dead_letters(self, *words: str) -> str:
        """Run a verb of `starlift dlq` that must succeed, and return what showed."""
        done = CliRunner().invoke(app, ["dlq", *words, "--dlq", self.outputs["files_dead_letters_url"]])
        assert done.exit_code == 0, (done.output, done.exception)
        return done.stdout

    def settle(self) -> None:
        """Wait until every file that was dropped is loaded or given up."""
        until(lambda: self.waiting("queue") == 0)

    def invocations(self) -> int:
        """Return how often the function was invoked, as its log tells."""
        group = self.outputs["log_group_names"]["file_drop"]
        events = self.aws.client("logs").filter_log_events(logGroupName=group)["events"]
        return sum(event["message"].startswith("START ") for event in events)

    def logged(self, message: str, key: str = "") -> list[dict[str, Any]]:
        """Return the function's lines of a message, those about one file if it is named."""
        return [line for line in self.logged_by("file_drop", message) if key in (line.get("key"), "")]

    def empty(self) -> None:
        """Remove every version of every file: the emulator lists a key with a plus sign as Terraform cannot read it."""
        self.remove_versions(self.bucket("files"), self.bucket("quarantine"))


def rows_of(query: Callable[..., Any], key: str) -> int:
    """Return how many rows of a file the table holds."""
    return int(query("SELECT count(*) FROM readings WHERE source_file LIKE '%/' || :key", key=key)[0][0])


def build_file_drop(folder: Path, project: Path) -> Path:
    """Write the function's zips into a folder, and in them a project that declares one table."""
    (project / "files").mkdir(parents=True)
    (project / "pipeline.toml").write_text(f'name = "{project.name}"\n')
    (project / "files/readings.toml").write_text(TABLE)
    build = Build(here(), project, say=lambda _line: None, functions=folder)
    shutil.copy(build_packages(build, ["file_drop"])["file_drop"].layer, folder)
    return folder


@contextmanager
def deployed_file_drop(folder: Path, packages: Path) -> Iterator[FileDrop]:
    """Apply the configuration with the file drop alone; everything is gone when the block ends."""
    lines: list[tuple[str, str]] = []
    (folder / "emulator").mkdir()
    with emulator(folder / "emulator", lambda *line: lines.append(line)) as aws:
        switches = {"file_drop_enabled": "true", "warehouse_enabled": "false", "file_drop": "{ timeout_seconds = 60 }"}
        given = configurations(folder, aws.endpoint, packages, **switches)
        found = FileDrop(aws, *given, lines, CallRecorder())
        apply(found)
        found.hear()
        yield found
