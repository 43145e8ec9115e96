"""What `make configure` asks for, as a file of Terraform variables that is kept with the project."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from utils.errors import ConfigurationError

ASSIGNMENT = re.compile(r"^(\w+)[ \t]*=[ \t]*", re.MULTILINE)
SECONDS = {"minute": 60, "hour": 3600, "day": 86400}
DAY, WEEK = 86_400, 604_800  # as far back as CloudWatch looks, in periods below an hour and from an hour up


@dataclass(frozen=True)
class Vpc:
    """A network that the functions attach to."""

    vpc_id: str
    subnet_ids: tuple[str, ...]
    database_cidrs: tuple[str, ...]
    route_table_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answers:
    """What one deployment needs to know."""

    project: str
    environment: str
    region: str
    alert_email: str
    warehouse_enabled: bool = True
    schedule: str = "rate(15 minutes)"
    file_drop_enabled: bool = False
    architecture: str = "x86_64"
    vpc: Vpc | None = None
    others: str = field(default="", compare=False)  # what a person added to the file, kept as it is

    def variables(self) -> dict[str, Any]:
        """Return the Terraform variables that these answers set."""
        return {
            "project": self.project,
            "environment": self.environment,
            "region": self.region,
            "alert_email": self.alert_email,
            "warehouse_enabled": self.warehouse_enabled,
            "schedule": self.schedule,
            **freshness(self.schedule),
            "file_drop_enabled": self.file_drop_enabled,
            "architecture": self.architecture,
            "vpc": self.vpc and {name: value for name, value in vars(self.vpc).items() if value},
        }


def freshness(schedule: str) -> dict[str, int]:
    """Return after how long the freshness alarm goes off: two missed runs, as far as CloudWatch can look back."""
    rate = re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", schedule)
    period = int(rate[1]) * SECONDS[rate[2]] if rate else DAY  # a cron expression should succeed once a day
    longest = WEEK if period >= SECONDS["hour"] else DAY
    return {"freshness_period_seconds": period, "freshness_periods": max(1, min(2, longest // period))}


def answers_file(root: Path, project: str, environment: str) -> Path:
    """Return where a deployment's answers are kept."""
    return root / "terraform/environments" / f"{project}-{environment}.tfvars"


def write_answers(path: Path, answers: Answers) -> None:
    """Write the file, with what a person added to it below."""
    lines = [f"{name} = {_hcl(value)}\n" for name, value in answers.variables().items()]
    head = "# Written by `make configure`, which keeps any variable added below. Commit it; it holds no secret.\n"
    path.write_text(head + "".join(lines) + (f"\n{answers.others}" if answers.others else ""))


def read_answers(path: Path) -> Answers:
    """Read a file back; raise ConfigurationError if `make configure` has not written it."""
    try:
        found = dict(_assignments(path.read_text()))
    except FileNotFoundError:
        raise ConfigurationError(f"{path} is not there. `make configure` asks what it needs and writes it.") from None
    others = "".join(f"{name} = {text}\n" for name, text in found.items() if not _is_ours(name))
    try:
        values = {name: json.loads(_without_comments(text)) for name, text in found.items() if _is_ours(name)}
        vpc = values.pop("vpc", None)
        kept = {name: values[name] for name in Answers.__dataclass_fields__ if name in values}
        return Answers(**kept, vpc=vpc and Vpc(**{name: _given(value) for name, value in vpc.items()}), others=others)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"{path} is not as `make configure` writes it: {error}.") from error


def _without_comments(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))


def _is_ours(name: str) -> bool:
    return name in Answers.__dataclass_fields__ or name in freshness("")


def _given(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _hcl(value: Any) -> str:
    """Write a value as HCL, in the part of it that JSON shares: maps take `"name" : value` too."""
    return json.dumps(value, indent=2 if isinstance(value, Mapping) else None)


def _assignments(text: str) -> Iterator[tuple[str, str]]:
    """Split a file into its variables, each with its value's text."""
    starts = list(ASSIGNMENT.finditer(text))
    ends = [match.start() for match in starts[1:]] + [len(text)]
    for match, end in zip(starts, ends, strict=True):
        yield match[1], text[match.end() : end].strip()
