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
REQUIRED = ("project", "environment", "region", "alert_email")
DAY, WEEK = 86_400, 604_800  # as far back as CloudWatch looks, in periods below an hour and from an hour up


@dataclass(frozen=True)
class Vpc:
    """A network that the functions attach to."""

    vpc_id: str
    subnet_ids: tuple[str, ...]
    database_cidrs: tuple[str, ...]
    route_table_ids: tuple[str, ...] = ()
    others: Mapping[str, Any] = field(default_factory=dict)  # what a person added, such as database_ports

    def variables(self) -> dict[str, Any]:
        """Return the network as Terraform's variable has it."""
        given = {name: value for name, value in vars(self).items() if value and name != "others"}
        return {**given, **self.others}


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
    export_delta_enabled: bool = False
    delivery_enabled: bool = False
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
            "export_delta_enabled": self.export_delta_enabled,
            "delivery_enabled": self.delivery_enabled,
            "architecture": self.architecture,
            "vpc": self.vpc and self.vpc.variables(),
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
    values = {name: _hcl(value) for name, value in answers.variables().items()}
    head = "# Written by `make configure`, which keeps any variable added below. Commit it; it holds no secret.\n"
    path.write_text(head + _aligned(values) + (f"\n{answers.others}" if answers.others else ""))


def read_answers(path: Path, configure: str = "make configure") -> Answers:
    """Read a file back; raise ConfigurationError if `make configure` has not written it."""
    try:
        found = dict(_assignments(path.read_text()))
    except FileNotFoundError:
        raise ConfigurationError(f"{path} is not there. `{configure}` asks what it needs and writes it.") from None
    others = _aligned({name: text for name, text in found.items() if not _is_ours(name)})
    if absent := [name for name in REQUIRED if name not in found]:
        raise ConfigurationError(
            f"{path} lacks {', '.join(absent)}. Add it, or move the file away and run `{configure}`."
        )
    values = {name: _value(path, name, text) for name, text in found.items() if _is_ours(name)}
    try:
        vpc = values.pop("vpc", None)
        kept = {name: values[name] for name in Answers.__dataclass_fields__ if name in values}
        return Answers(**kept, vpc=vpc and _read_vpc(vpc), others=others)
    except (AttributeError, TypeError) as error:
        raise ConfigurationError(f"{path}: vpc is not as `{configure}` writes it: {error}.") from error


def _value(path: Path, name: str, text: str) -> Any:
    try:
        return json.loads(_without_comments(text))
    except ValueError:
        given = text.partition("\n")[0]
        raise ConfigurationError(
            f"{path}: {name} = {given} is not as `make configure` writes it. Give it a plain value, a "
            "text in double quotes, and a comment a line of its own; or move the file away and configure anew."
        ) from None


def _without_comments(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))


def _is_ours(name: str) -> bool:
    return name in Answers.__dataclass_fields__ or name in freshness("")


def _read_vpc(found: Mapping[str, Any]) -> Vpc:
    asked = {name: _given(value) for name, value in found.items() if name in Vpc.__dataclass_fields__}
    return Vpc(**asked, others={name: value for name, value in found.items() if name not in asked})


def _given(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _hcl(value: Any) -> str:
    """Write a value as HCL, in the part of it that JSON shares: maps take `"name" : value` too."""
    if isinstance(value, Mapping):
        return json.dumps(value, indent=2, separators=(",", " : "))
    return json.dumps(value)


def _aligned(values: Mapping[str, str]) -> str:
    """Write variables as `terraform fmt` does, so that the file passes the checks of the repository it is kept in."""
    text, run = "", dict[str, str]()
    for name, value in values.items():
        if _goes_on(value):
            text, run = f"{text}{_run(run)}{name} = {value}\n", {}
            continue
        run[name] = value
        if "\n" in value:  # a comment below it ends the run
            text, run = text + _run(run), {}
    return text + _run(run)


def _run(values: Mapping[str, str]) -> str:
    width = max(map(len, values), default=0)
    return "".join(f"{name:<{width}} = {value}\n" for name, value in values.items())


def _goes_on(value: str) -> bool:
    """Tell whether a value needs more lines than its first."""
    return value.partition("\n")[0].rstrip().endswith(("{", "[", "("))


def _assignments(text: str) -> Iterator[tuple[str, str]]:
    """Split a file into its variables, each with its value's text."""
    starts = list(ASSIGNMENT.finditer(text))
    ends = [match.start() for match in starts[1:]] + [len(text)]
    for match, end in zip(starts, ends, strict=True):
        yield match[1], text[match.end() : end].strip()
