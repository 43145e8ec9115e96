"""`make configure`: ask what a deployment needs and write it to a file that is kept."""

import re
from dataclasses import replace
from typing import Any

from local.cloud.answers import Answers, Vpc, write_answers
from local.cloud.deployment import Deployment
from local.cloud.terminal import Check, Terminal
from local.packaging.build_target import ARCHITECTURES
from utils.delivery_project import holds_delivery
from utils.errors import ConfigurationError
from utils.export_project import holds_export_tables
from utils.file_project import holds_file_tables


def _matches(pattern: str) -> Check:
    return lambda answer: re.fullmatch(pattern, answer) is not None


RATE = r"rate\((1 (minute|hour|day)|([2-9]|[1-9]\d+) (minutes|hours|days))\)"
SCHEDULE = _matches(rf"{RATE}|cron\([\w*?,/#-]+( [\w*?,/#-]+){{5}}\)")
REGION = _matches(r"[a-z]{2}(-[a-z]+)+-\d")
EMAIL = _matches(r"[\w.+'&=~^!#*/?-]+@[\w-]+(\.[\w-]+)+")  # nothing that Terraform would take for a template
CIDRS = _matches(r"\d+(\.\d+){3}/\d+(,\s*\d+(\.\d+){3}/\d+)*")


def configure(deployment: Deployment, terminal: Terminal) -> None:
    """Ask, with the last answers as defaults, and write the deployment's file."""
    _check_names(deployment)
    terminal.say(f"{deployment.name}: an empty answer takes what is in brackets.")
    before = _before(deployment)
    answers = replace(
        before,
        region=terminal.ask("AWS region", before.region, REGION, "A region is such as eu-west-2."),
        alert_email=terminal.ask("E-mail for alerts", before.alert_email, EMAIL, "That is no e-mail address."),
        **_ask_pipelines(deployment, terminal, before),
        architecture=terminal.ask(
            "Processor", before.architecture, ARCHITECTURES.__contains__, "x86_64, or arm64 which costs less."
        ),
        vpc=_ask_vpc(terminal, before.vpc),
    )
    write_answers(deployment.answers_file, answers)
    terminal.say(f"\nWritten to {deployment.answers_file}; keep it in the repository.", "green")
    terminal.say(f"Next: {deployment.command('deploy')}", "green")


def _ask_pipelines(deployment: Deployment, terminal: Terminal, before: Answers) -> dict[str, Any]:
    """Ask about the pipelines that the project's files are for: models, tables of files and exports, records."""
    has_models = (deployment.folder / "models").is_dir()
    asked: dict[str, Any] = {"warehouse_enabled": has_models and before.warehouse_enabled}
    if asked["warehouse_enabled"]:
        asked["schedule"] = terminal.ask("When runs start", before.schedule, SCHEDULE, _SCHEDULES)
    drops = before.file_drop_enabled or holds_file_tables(deployment.folder)
    exports = before.export_delta_enabled or holds_export_tables(deployment.folder)
    records = before.delivery_enabled or holds_delivery(deployment.folder)
    return {
        **asked,
        "file_drop_enabled": _ask_whether(terminal, "Load files dropped into a bucket", drops),
        "export_delta_enabled": _ask_whether(terminal, "Apply full exports to a database", exports),
        "delivery_enabled": _ask_whether(terminal, "Take records by POST and deliver them to an endpoint", records),
    }


def _ask_whether(terminal: Terminal, question: str, before: bool) -> bool:
    usual = "yes" if before else "no"
    return terminal.ask(question, usual, _matches("(?i)y|yes|n|no"), "Answer yes or no.").lower().startswith("y")


_SCHEDULES = "A schedule is rate(15 minutes), rate(2 hours), rate(1 day), or cron(0 6 * * ? *) in UTC."


def _check_names(deployment: Deployment) -> None:
    if not (deployment.folder / "pipeline.toml").is_file():
        raise ConfigurationError(f"{deployment.project} is no project folder. Name one: PROJECT=projects/totesys")
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,14}[a-z0-9]", deployment.project_name):
        raise ConfigurationError(f"{deployment.project_name}: a bucket's name allows 2 to 16 small letters and digits.")
    if not re.fullmatch(r"[a-z][a-z0-9]{0,7}", deployment.environment):
        raise ConfigurationError(f"ENV={deployment.environment} must be 1 to 8 small letters and digits, such as dev.")


def _before(deployment: Deployment) -> Answers:
    if deployment.answers_file.exists():
        return deployment.answers
    return Answers(deployment.project_name, deployment.environment, region="", alert_email="")


def _ask_vpc(terminal: Terminal, before: Vpc | None) -> Vpc | None:
    """Ask for the network, if the databases are not on the internet."""
    if not _ask_whether(terminal, "Attach to a VPC", before is not None):
        return None
    known = before or Vpc("", (), ())
    return replace(
        known,
        vpc_id=terminal.ask("  its id", known.vpc_id, _matches("vpc-[0-9a-f]+"), "An id is such as vpc-0a1b2c3d."),
        subnet_ids=_ask_list(terminal, "  subnets", known.subnet_ids, _matches(r"subnet-\w+(,\s*subnet-\w+)*")),
        database_cidrs=_ask_list(terminal, "  the databases' addresses", known.database_cidrs, CIDRS),
        route_table_ids=_ask_list(
            terminal, "  route tables without an S3 endpoint (or none)", known.route_table_ids or ("none",), bool
        ),
    )


def _ask_list(terminal: Terminal, question: str, before: tuple[str, ...], check: Check) -> tuple[str, ...]:
    answer = terminal.ask(question, ", ".join(before), check, "Give one or more, with commas between them.")
    return tuple(part.strip() for part in answer.split(",") if part.strip() != "none")
