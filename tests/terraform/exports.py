"""Full exports on the second emulated AWS: their bucket, their registry, their target."""

import gzip
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.emulator import emulator
from tests.terraform.calls import CallRecorder
from tests.terraform.deployment import apply, configurations
from tests.terraform.emulated import Emulated, until
from utils.registry.dynamodb import DynamoRegistry
from utils.registry.records import Entry

MAX_RETRIES = 2
LIMITS = f"{{ stream = {{ shards = 2 }}, changes = {{ max_retries = {MAX_RETRIES}, timeout_seconds = 60 }} }}"
SWITCHES = {"export_delta_enabled": "true", "warehouse_enabled": "false", "export_delta": LIMITS}


@dataclass
class Exports(Emulated):
    """Deployed full exports, and what to do with them."""

    def bucket(self, which: str) -> str:
        """Return a bucket's name."""
        return str(self.outputs["exports"]).removeprefix("s3://").replace("-exports-", f"-{which}-")

    def keys(self, which: str) -> list[str]:
        """Return the keys of a bucket's objects."""
        found = self.aws.client("s3").list_objects_v2(Bucket=self.bucket(which)).get("Contents", [])
        return [each["Key"] for each in found]

    def write(self, key: str, content: str | bytes) -> None:
        """Write a file of an export, gzipped if its name says so."""
        body = content.encode() if isinstance(content, str) else content
        body = gzip.compress(body, mtime=0) if key.endswith(".gz") else body
        self.aws.client("s3").put_object(Bucket=self.bucket("exports"), Key=key, Body=body)

    @property
    def registry(self) -> DynamoRegistry:
        """Return the registry as the functions open it."""
        name = str(self.outputs["exports_registry"]).removeprefix("dynamodb://")
        return DynamoRegistry(name, self.aws.client("dynamodb"))

    def entry(self, version: str, table: str = "orders") -> Entry:
        """Wait until a version has ended, and return its entry."""

        def ended() -> Entry | None:
            found = self.registry.entry(f"acme/{table}", version)
            return found if found and found.status in ("succeeded", "failed", "superseded") else None

        return until(ended)

    def execution(self, version: str, table: str = "orders") -> Mapping[str, Any]:
        """Wait for the end of a version's last execution, and return it."""
        return until(lambda: next(self._ended(f"acme-{table}-{version}-"), None))

    def _ended(self, name: str) -> Iterator[Mapping[str, Any]]:
        for each in self.executions(name):
            if each["status"] != "RUNNING":
                yield self.aws.client("stepfunctions").describe_execution(executionArn=each["executionArn"])

    def executions(self, name: str) -> list[Mapping[str, Any]]:
        """Return the executions whose names begin so."""
        states = self.aws.client("stepfunctions")
        found = states.list_executions(stateMachineArn=self.outputs["exports_state_machine_arn"])["executions"]
        return [each for each in found if each["name"].startswith(name)]

    def refused(self) -> list[Mapping[str, Any]]:
        """Return the deliveries in the bucket of the failure destination."""
        s3, name = self.aws.client("s3"), self.bucket("refused")
        found = s3.list_objects_v2(Bucket=name).get("Contents", [])
        return [json.loads(s3.get_object(Bucket=name, Key=each["Key"])["Body"].read()) for each in found]

    def empty(self) -> None:
        """Remove every version of every object."""
        self.remove_versions(*map(self.bucket, ("exports", "changes", "refused")))


@contextmanager
def deployed_exports(folder: Path, packages: Path) -> Iterator[Exports]:
    """Apply the configuration with full exports alone; everything is gone when the block ends."""
    lines: list[tuple[str, str]] = []
    (folder / "emulator").mkdir()
    with emulator(folder / "emulator", lambda *line: lines.append(line)) as aws:
        given = configurations(folder, aws.endpoint, packages, **SWITCHES)
        found = Exports(aws, *given, lines, CallRecorder())
        apply(found)
        found.hear()
        yield found
