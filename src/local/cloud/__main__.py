"""The make targets that reach AWS: `python -m local.cloud VERB`."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from local.cloud.configure import configure
from local.cloud.deploy import deploy, plan
from local.cloud.deployment import Deployment
from local.cloud.destroy import destroy
from local.cloud.executions import invoke
from local.cloud.logins import put_secrets
from local.cloud.logs import show_logs
from local.cloud.terminal import Terminal
from local.packaging.packages import PROJECT, ROOT
from utils.errors import PipelineError

Verb = Callable[[Deployment, Terminal, argparse.Namespace], None]
VERBS: dict[str, Verb] = {
    "configure": lambda deployment, terminal, _given: configure(deployment, terminal),
    "deploy": lambda deployment, terminal, given: deploy(deployment, terminal, given.yes),
    "plan": lambda deployment, terminal, given: plan(deployment, terminal, given.text),
    "destroy": lambda deployment, terminal, given: destroy(deployment, terminal, given.yes, given.give_up),
    "secrets": lambda deployment, terminal, _given: put_secrets(deployment, terminal),
    "invoke": lambda deployment, terminal, given: invoke(deployment, terminal, given.input),
    "logs": lambda deployment, terminal, given: show_logs(deployment, terminal, given.since, given.follow),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks and return the exit code."""
    given = _parser().parse_args(arguments)
    terminal = Terminal()
    try:
        VERBS[given.verb](Deployment(given.project, given.environment, given.root), terminal, given)
    except PipelineError as error:
        terminal.say(f"{type(error).__name__}: {error}", "bold red")
        return 1
    except (BotoCoreError, ClientError) as error:
        terminal.say(f"AWS refused or did not answer: {error}", "bold red")
        return 1
    except KeyboardInterrupt:
        terminal.say("stopped")
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="local.cloud", description=__doc__)
    parser.add_argument("verb", choices=VERBS)
    parser.add_argument("--environment", default="dev", help="which deployment of the project")
    parser.add_argument("--project", type=Path, default=PROJECT, help="the project folder")
    parser.add_argument("--root", type=Path, default=ROOT, help="the copy of this repository to deploy from")
    parser.add_argument("--yes", action="store_true", default=os.environ.get("AUTO_APPROVE") == "1", help="do not ask")
    parser.add_argument("--give-up", default="", metavar="NAME", help="the deployment whose data may be lost")
    parser.add_argument("--text", type=Path, default=ROOT / "build/plan.txt", help="where the plan is written as text")
    parser.add_argument("--input", default="{}", help="what the run is asked beyond the usual, as JSON")
    parser.add_argument("--since", default="1h", help="how far back logs are read, such as 30m, 2h or 1d")
    parser.add_argument("--follow", action="store_true", help="go on reading logs")
    return parser


if __name__ == "__main__":
    sys.exit(main())
