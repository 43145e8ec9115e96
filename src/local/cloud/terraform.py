"""Terraform, run for one deployment."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.cloud.deployment import Deployment
from utils.errors import TerminalError

Resource = Mapping[str, Any]  # as `terraform show -json` has it: address, type, values and more
NOTHING_TO_CHANGE, CHANGES = 0, 2  # exit codes of `terraform plan -detailed-exitcode`
# What the state's own client is told when an emulator stands in for AWS.
EMULATED_BACKEND = (
    "skip_credentials_validation=true",
    "skip_metadata_api_check=true",
    "skip_requesting_account_id=true",
    "skip_region_validation=true",
    "use_path_style=true",
)


class TerraformError(TerminalError):
    """Terraform failed; what it printed says why."""


@dataclass(frozen=True)
class Terraform:
    """The root configuration with one deployment's variables and state."""

    deployment: Deployment
    account: str

    @property
    def folder(self) -> Path:
        """Return the root configuration."""
        return self.deployment.root / "terraform"

    @property
    def region(self) -> str:
        """Return the region of everything, the state included."""
        return self.deployment.answers.region

    @property
    def state_bucket(self) -> str:
        """Return the bucket of the project's states, as bootstrap names it."""
        return f"{self.deployment.project_name}-state-{self.account}-{self.region}"

    @property
    def plan_file(self) -> Path:
        """Return where the plan rests between being shown and being applied."""
        return self.deployment.root / "build" / f"{self.deployment.name}.tfplan"

    @property
    def data_folder(self) -> Path:
        """Return where Terraform notes which state is meant.

        It is one for each deployment: with the usual one for all, a target for another deployment that runs while a
        question waits here would turn this one's next commands to the other's state.
        """
        return self.folder / ".terraform" / f"{self.state_bucket}-{self.deployment.environment}"

    def bootstrap(self) -> None:
        """Create the bucket of states; its own state is a file for each project, account and region."""
        folder = self.folder / "bootstrap"
        state = folder / f"{self.state_bucket}.tfstate"
        given = [f"-var=project={self.deployment.project_name}", f"-var=region={self.region}"]
        self._run("init", "-input=false", folder=folder)
        self._run("apply", "-input=false", "-auto-approve", f"-state={state}", *given, folder=folder)

    def init(self) -> None:
        """Make ready for this deployment's state, whichever one was used before."""
        settings = [f"bucket={self.state_bucket}", f"key={self.deployment.environment}/terraform.tfstate"]
        settings += [f"region={self.region}", *(EMULATED_BACKEND if "AWS_ENDPOINT_URL" in os.environ else ())]
        options = [f"-backend-config={setting}" for setting in settings]
        self._run("init", "-input=false", "-reconfigure", *options, quiet=True)

    def plan(self, *more: str) -> bool:
        """Show what would change and keep the plan; return whether there is anything."""
        self.plan_file.parent.mkdir(exist_ok=True)
        options = ["-input=false", "-detailed-exitcode", f"-out={self.plan_file}"]
        code = self._run("plan", *options, *self._variables(), *more, accepted=(NOTHING_TO_CHANGE, CHANGES))
        return code == CHANGES

    def show_plan(self) -> str:
        """Return the kept plan as text."""
        return self._read("show", "-no-color", str(self.plan_file))

    def apply(self) -> None:
        """Carry out the kept plan, which holds the variables too."""
        self._run("apply", "-input=false", str(self.plan_file))

    def outputs(self) -> dict[str, Any]:
        """Return what the deployment says of itself, nothing if it was never applied."""
        return {name: output["value"] for name, output in json.loads(self._read("output", "-json")).items()}

    def resources(self) -> list[Resource]:
        """Return all that the state knows of, nothing where there is no state."""
        state = json.loads(self._read("show", "-json"))
        return list(_resources(state.get("values", {}).get("root_module", {})))

    def unprotect(self) -> None:
        """Forget the resources that stand before data, so that a later plan may destroy it."""
        for resource in self.resources():
            if "terraform_data.protection" in resource["address"]:
                self._run("state", "rm", resource["address"])

    def _variables(self) -> list[str]:
        given = [f"-var={name}={value}" for name, value in self.deployment.variables.items()]
        return [*(f"-var-file={path}" for path in self.deployment.variable_files), *given]

    def _run(
        self, *arguments: str, folder: Path | None = None, accepted: Sequence[int] = (0,), quiet: bool = False
    ) -> int:
        command = ["terraform", f"-chdir={folder or self.folder}", *arguments]
        environment = {"TF_WORKSPACE": "default"} if folder else self._environment()
        code, said = _until_its_end(command, environment, quiet)
        if code not in accepted:
            raise TerraformError(f"terraform {arguments[0]} failed; what it printed says why. {said}")
        return code

    def _read(self, *arguments: str) -> str:
        command = ["terraform", f"-chdir={self.folder}", *arguments]
        settings = {**os.environ, **self._environment()}
        done = subprocess.run(command, capture_output=True, check=False, text=True, env=settings)
        if done.returncode:
            raise TerraformError(f"terraform {arguments[0]} failed: {done.stderr.strip()}")
        return done.stdout

    def _environment(self) -> dict[str, str]:
        # Another workspace, which a person's own environment may name, would be another state.
        return {"TF_DATA_DIR": str(self.data_folder), "TF_WORKSPACE": "default"}


def _resources(module: Mapping[str, Any]) -> Iterator[Resource]:
    yield from (resource for resource in module.get("resources", ()) if resource["mode"] == "managed")
    for child in module.get("child_modules", ()):
        yield from _resources(child)


def _until_its_end(command: Sequence[str], environment: Mapping[str, str], quiet: bool) -> tuple[int, str]:
    """Run a program and return its exit code and, when quiet, what it printed.

    Ctrl-C reaches the program too, which then saves its state and gives its lock back. subprocess.run would kill it.
    """
    interrupted = False
    with subprocess.Popen(
        command, stdout=subprocess.PIPE if quiet else None, text=True, env={**os.environ, **environment}
    ) as program:
        while True:
            try:
                said, _ = program.communicate()
                break
            except KeyboardInterrupt:
                interrupted = True
    if interrupted:
        raise KeyboardInterrupt
    return program.returncode, said or ""
