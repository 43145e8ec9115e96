"""The tools and the account that a deployment needs, each missing one named with how to get it."""

import json
import re
import shutil
import subprocess

import boto3
import botocore.exceptions
from botocore.exceptions import BotoCoreError, ClientError

from utils.errors import ConfigurationError

TERRAFORM = (1, 11)  # the state's lock file


def check_tools() -> None:
    """Raise ConfigurationError unless Terraform is there and new enough."""
    if not shutil.which("terraform"):
        raise ConfigurationError("terraform is missing: developer.hashicorp.com/terraform/install says how to get it.")
    found = json.loads(subprocess.run(["terraform", "version", "-json"], capture_output=True, check=True).stdout)
    version = str(found["terraform_version"])
    if tuple(map(int, re.findall(r"\d+", version)[:2])) < TERRAFORM:
        wanted = ".".join(map(str, TERRAFORM))
        raise ConfigurationError(f"terraform {version} is too old: {wanted} or newer locks its state without a table.")


def account_id(region: str) -> str:
    """Return the account that the credentials at hand belong to."""
    try:
        return str(boto3.client("sts", region_name=region).get_caller_identity()["Account"])
    except botocore.exceptions.ConnectionError as error:
        raise ConfigurationError(
            f"AWS cannot be reached: {error}. Is the region {region} right, and does this machine reach the internet?"
        ) from error
    except (BotoCoreError, ClientError) as error:
        raise ConfigurationError(
            f"AWS does not know who is asking: {error}. Sign in (aws sso login, aws configure) and name AWS_PROFILE."
        ) from error
