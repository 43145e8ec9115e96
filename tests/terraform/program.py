"""Terraform itself, where it and its AWS provider can be had: from a mirror on this machine, or from the registry."""

import json
import os
import platform
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.packaging.packages import ROOT

CONFIGURATION = ROOT / "terraform"
REGISTRY = "https://registry.terraform.io/.well-known/terraform.json"
PROVIDER = "registry.terraform.io/hashicorp/aws"
PLACES = ("home", "opt", "root", "srv", "usr", "var")  # where people install a mirror
MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
MINUTES = 60.0


class TerraformError(RuntimeError):
    """Terraform refused or failed; the message is what it printed."""


@dataclass(frozen=True)
class Terraform:
    """One folder of configuration, and the settings that its commands get."""

    folder: Path
    environment: Mapping[str, str]
    variables: Mapping[str, str] = field(default_factory=dict)

    def run(self, command: str, *options: str, timeout: float = 5 * MINUTES) -> str:
        """Run a command and return what it printed."""
        arguments = ["terraform", f"-chdir={self.folder}", *command.split(), *options]
        done = subprocess.run(
            arguments,
            env=self.environment,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
        )
        if done.returncode:
            raise TerraformError(f"{' '.join(arguments[2:])}:\n{done.stdout}")
        return done.stdout

    def change(self, command: str, **variables: str) -> str:
        """Plan, apply or destroy without questions."""
        given = [f"-var={name}={value}" for name, value in {**self.variables, **variables}.items()]
        approved = [] if command.startswith("plan") else ["-auto-approve"]
        return self.run(command, *approved, "-input=false", "-no-color", *given)

    def outputs(self) -> dict[str, Any]:
        """Return the outputs of what was applied."""
        return {name: output["value"] for name, output in json.loads(self.run("output -json")).items()}


def why_not() -> str | None:
    """Return why Terraform's tests cannot run here, None when they can."""
    if shutil.which("terraform") is None:
        return "there is no terraform program on PATH"
    if mirror() is None and not _registry_answers():
        return "neither a mirror of hashicorp/aws (TF_PROVIDER_MIRROR=folder) nor Terraform's registry can be reached"
    return None


def mirror() -> Path | None:
    """Return the folder of a provider mirror: the one that TF_PROVIDER_MIRROR names, or one that is found."""
    if named := os.environ.get("TF_PROVIDER_MIRROR"):
        return Path(named)
    return next(_mirrors(), None)


def _mirrors() -> Iterator[Path]:
    system = f"{platform.system().lower()}_{MACHINES.get(platform.machine(), platform.machine())}"
    for place in PLACES:
        for depth in ("", "*/", "*/*/"):
            for found in (Path("/") / place).glob(f"{depth}{PROVIDER}/*/{system}"):
                yield found.parents[4]


def _registry_answers() -> bool:
    try:
        with urllib.request.urlopen(REGISTRY, timeout=5) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


def make_terraform(folder: Path, below: str = "", **variables: str) -> Terraform:
    """Copy the configuration, so that nothing of a run stays in the repository, and point it at the provider."""
    copy = folder / "terraform"
    if not copy.exists():
        ignored = shutil.ignore_patterns(".terraform", ".terraform.lock.hcl", "*.tfstate*")
        shutil.copytree(CONFIGURATION, copy, ignore=ignored)
    marked = {} if below else {"TF_APPEND_USER_AGENT": "app/terraform"}  # by which a call is known to be a deployment's
    return Terraform(copy / below, {**_environment(folder), **marked}, variables)


def _environment(folder: Path) -> dict[str, str]:
    settings = folder / "terraform.rc"
    found = mirror()
    lines = ["disable_checkpoint = true"]
    if found:
        lines.append(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{found}"\n  }}\n}}')
    settings.write_text("\n".join(lines))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    return {**kept, "TF_CLI_CONFIG_FILE": str(settings), "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}
