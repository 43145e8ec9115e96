"""A deployment on the second emulated AWS: what it overheard, and what comes sooner or later."""

import base64
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from tests.terraform.deployment import Deployed

Found = TypeVar("Found")
SOON = 300.0  # seconds within which all that is waited for here happens, on a machine that is busy


@dataclass
class Emulated(Deployed):
    """A deployment, and how to look at it."""

    def hear(self) -> None:
        """Take in what the emulator overheard."""
        for call in self.aws.calls():
            self.calls.note(call["request"], base64.b64decode(call["body"]), call["status"])

    def remove_versions(self, *buckets: str) -> None:
        """Remove every version of every object."""
        s3 = self.aws.client("s3")
        for name in buckets:
            for version in s3.list_object_versions(Bucket=name).get("Versions", []):
                s3.delete_object(Bucket=name, Key=version["Key"], VersionId=version["VersionId"])

    def logged_by(self, function: str, message: str) -> list[dict[str, Any]]:
        """Return a function's lines of a message."""
        lines = [json.loads(line) for line in self.lines_of(function) if line.startswith("{")]
        return [line for line in lines if line["message"] == message]


def until(look: Callable[[], Found]) -> Found:
    """Look again and again until there is something to be seen, and return it."""
    end = time.monotonic() + SOON
    while not (found := look()):
        if time.monotonic() > end:
            raise TimeoutError("what was waited for did not come")
        time.sleep(0.1)
    return found
