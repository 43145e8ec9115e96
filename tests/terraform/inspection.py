"""What the emulated AWS holds once the deployment is there."""

import re
from collections.abc import Mapping
from typing import Any

from local.packaging.functions import FUNCTIONS, STAGES
from local.packaging.packages import ROOT
from tests.terraform.deployment import ENVIRONMENT, PROJECT, Deployed


def role_of(deployment: Deployed, caller: str) -> tuple[str, str]:
    """Return by which name a caller is known to the recorder, and its role's name."""
    if caller in FUNCTIONS:
        name = deployment.outputs["function_names"][caller]
        return name, f"{name}-function"
    suffix = {"state_machine": "runs", "schedule": "schedule"}[caller]
    return caller, f"{deployment.outputs['name']}-warehouse-{suffix}"


def boundary_of(iam: Any) -> Mapping[str, Any]:
    """Return the policy that no role of the deployment may exceed."""
    arn = "arn:aws:iam::123456789012:policy/totesys-boundary"
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    return iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]


def landing(deployment: Deployed) -> str:
    """Return the landing bucket's name."""
    return deployment.outputs["landing"].removeprefix("s3://")


def alarms(deployment: Deployed) -> Mapping[str, Any]:
    """Return every alarm by name."""
    found = deployment.aws.client("cloudwatch").describe_alarms()["MetricAlarms"]
    return {alarm["AlarmName"]: alarm for alarm in found}


def untold_alarms(deployment: Deployed) -> list[str]:
    """Return the alarms that no line of the runbook begins with."""
    lines = re.findall(r"^\| ([^|]*)", (ROOT / "docs/operations.md").read_text(), re.MULTILINE)
    told = {name for line in lines for name in re.findall(r"`P-E-([^`]+)`", line)}
    told |= {name.replace("<stage>", stage) for name in told for stage in STAGES}
    return sorted(name for name in alarms(deployment) if name.removeprefix(f"{PROJECT}-{ENVIRONMENT}-") not in told)


def metric_filters(deployment: Deployed, stage: str) -> Mapping[str, Any]:
    """Return the metric filters on a stage's log by name."""
    group = deployment.outputs["log_group_names"][stage]
    found = deployment.aws.client("logs").describe_metric_filters(logGroupName=group)["metricFilters"]
    return {each["filterName"]: each for each in found}


def filter_of(deployment: Deployed, stage: str) -> tuple[str, str]:
    """Return the pattern and the metric of a stage's CRITICAL lines."""
    found = metric_filters(deployment, stage)[f"{deployment.outputs['function_names'][stage]}-critical-lines"]
    return found["filterPattern"], found["metricTransformations"][0]["metricName"]


def remaining_buckets(deployment: Deployed) -> list[str]:
    """Return the buckets that are there."""
    return [bucket["Name"] for bucket in deployment.aws.client("s3").list_buckets()["Buckets"]]
