"""`make deploy` and `make plan`: build, plan, show, ask, apply, and say what comes next."""

from pathlib import Path

from local.cloud.account import has_state, keeps_former_states, open_terraform
from local.cloud.deployment import Deployment
from local.cloud.terminal import Terminal
from local.cloud.terraform import Terraform
from local.delivery.api_document import check_written
from local.packaging.build_target import on_lambda
from local.packaging.packages import Build, PackageError, build_packages
from utils.errors import ConfigurationError


def deploy(deployment: Deployment, terminal: Terminal, approved: bool) -> None:
    """Bring the deployment to what this copy of the repository says."""
    terraform = _prepare(deployment, terminal)
    if not (has_state(terraform) and keeps_former_states(terraform)):
        _bootstrap(terraform, terminal, approved)
    if _plan(terraform, terminal):
        _ask(terminal, f"Apply this to {deployment.name} in account {terraform.account}?", approved)
        terminal.step("Applying")
        terraform.apply()
    _show_outputs(terraform, terminal)


def plan(deployment: Deployment, terminal: Terminal, text: Path) -> None:
    """Show what `make deploy` would change, write it to a file as well, and change nothing."""
    terraform = _prepare(deployment, terminal)
    if not has_state(terraform):
        raise ConfigurationError(
            f"There is no bucket {terraform.state_bucket} yet: run `{deployment.command('deploy')}` once."
        )
    # Without a lock: it is never applied, and a job that is cancelled would leave its lock in the way of deploying.
    _plan(terraform, terminal, "-lock=false")
    text.parent.mkdir(parents=True, exist_ok=True)
    text.write_text(terraform.show_plan())
    terminal.say(f"The plan is in {text}.")


def _prepare(deployment: Deployment, terminal: Terminal) -> Terraform:
    terminal.step("Checking tools and credentials")
    terraform = open_terraform(deployment)
    terminal.say(f"account {terraform.account}, region {terraform.region}")
    if deployment.answers.delivery_enabled:
        check_written(deployment.folder)
    terminal.step("Building the packages")
    build = Build(
        on_lambda(deployment.answers.architecture), deployment.folder, deployment.root / "build", terminal.say
    )
    try:
        build_packages(build)
    except PackageError as error:
        raise ConfigurationError(str(error)) from error
    return terraform


def _bootstrap(terraform: Terraform, terminal: Terminal, approved: bool) -> None:
    terminal.step(f"The bucket of states {terraform.state_bucket} is absent or half made")
    _ask(terminal, f"Create it in account {terraform.account}?", approved)
    terraform.bootstrap()


def _plan(terraform: Terraform, terminal: Terminal, *options: str) -> bool:
    terminal.step("Planning")
    terraform.init()
    changes = terraform.plan(*options)
    if not changes:
        terminal.say("Nothing to change.", "green")
    return changes


def _ask(terminal: Terminal, question: str, approved: bool) -> None:
    if not approved and not terminal.agrees(question):
        raise ConfigurationError("Nothing was changed.")


def _show_outputs(terraform: Terraform, terminal: Terminal) -> None:
    outputs = terraform.outputs()
    terminal.step(f"{terraform.deployment.name} is deployed")
    for name, value in sorted(outputs.items()):
        if name != "next_steps" and value is not None:
            terminal.say(f"{name:<24}{value}")
    terminal.say(f"\nNext:\n{outputs.get('next_steps', 'make secrets, then make invoke')}", "green")
