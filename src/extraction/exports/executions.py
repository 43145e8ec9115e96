"""Starts executions of the state machine, one for each content of a version, and tells alerts."""

import hashlib
import json
import re
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import boto3
from botocore.exceptions import ClientError

from utils.aws_errors import Fault, named_errors
from utils.errors import (
    AccessDeniedError,
    ConfigurationError,
    ExportRefusedError,
    PipelineError,
    ServiceUnavailableError,
)
from utils.export_table import ExportVersion

MAX_STARTS = 50  # of one content; whoever reaches it has a version that cannot succeed
READABLE = 40  # characters of the version in an execution's name, which may have 80
ENDED_WELL = {"RUNNING", "SUCCEEDED", "PENDING_REDRIVE"}
MAX_SUBJECT = 100  # characters, SNS's own limit
MAX_MESSAGE = 100_000  # SNS takes 256 KiB
ABSENT = {"StateMachineDoesNotExist", "NotFound", "InvalidArn"}
EXISTS = "ExecutionAlreadyExists"


def _named_errors(what: str) -> AbstractContextManager[None]:
    return named_errors(what, ServiceUnavailableError, lambda fault: _named(fault, what))


def _named(fault: Fault, what: str) -> PipelineError:
    if fault.is_denied:
        return AccessDeniedError(f"AWS refused {what}: {fault.message}. Grant this role access to it.")
    if fault.code in ABSENT:
        return ConfigurationError(f"{what} does not exist. Correct the function's environment.")
    return ServiceUnavailableError(f"{what} did not answer: {fault.code}: {fault.message}")


@dataclass(frozen=True)
class StateMachine:
    """The state machine that processes exports."""

    arn: str
    client: Any = field(default=None, repr=False)

    @cached_property
    def _states(self) -> Any:
        return self.client or boto3.client("stepfunctions")

    def start(self, version: ExportVersion, content: str) -> str | None:
        """Start one execution for this content and return its name; None if it runs or has succeeded.

        Names count attempts, because Step Functions keeps the name of one that failed for 90 days.
        """
        text = json.dumps({"tenant": version.tenant, "table": version.table, "version": version.version})
        for attempt in range(1, MAX_STARTS + 1):
            name = execution_name(version, content, attempt)
            with _named_errors(self.arn):
                if self._is_new(name, text):
                    return name
                if self._status(name) in ENDED_WELL:
                    return None
        raise ExportRefusedError(
            f"{version.prefix} failed {MAX_STARTS} times. Mend the cause that the last executions name, then start one "
            "by hand."
        )

    def _is_new(self, name: str, text: str) -> bool:
        try:
            found = self._states.start_execution(stateMachineArn=self.arn, name=name, input=text)
        except ClientError as error:
            if error.response["Error"]["Code"] != EXISTS:
                raise
            return False
        return bool(found["executionArn"])

    def _status(self, name: str) -> str:
        arn = f"{self.arn.replace(':stateMachine:', ':execution:')}:{name}"
        return str(self._states.describe_execution(executionArn=arn)["status"])


def execution_name(version: ExportVersion, content: str, attempt: int) -> str:
    """Return the same name for the same content of a version, and for no other."""
    readable = re.sub(r"[^A-Za-z0-9-]+", "-", f"{version.tenant}-{version.table}-{version.version}")[:READABLE]
    return f"{readable}-{digest(version, content)}-{attempt}"


def digest(version: ExportVersion, content: str) -> str:
    """Return what keeps names apart that look alike once shortened."""
    return hashlib.sha256(json.dumps([version.prefix, content]).encode()).hexdigest()[:20]


@dataclass(frozen=True)
class Topic:
    """An SNS topic that people subscribe to."""

    arn: str
    client: Any = field(default=None, repr=False)

    def send(self, subject: str, message: str) -> None:
        """Send one alert."""
        with _named_errors(self.arn):
            sns = self.client or boto3.client("sns")
            sns.publish(TopicArn=self.arn, Subject=subject[:MAX_SUBJECT], Message=message[:MAX_MESSAGE])
