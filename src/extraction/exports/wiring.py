"""The real ports of exports, from the project and from the Lambda's environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from extraction.exports.executions import StateMachine, Topic
from extraction.exports.ports import ArrivalPorts, Ports
from utils.export_project import read_exports
from utils.open_store import open_store
from utils.registry.open_registry import open_registry
from utils.settings import check_present

NEEDED = ("PROJECT", "EXPORTS", "REGISTRY", "STATE_MACHINE_ARN", "ALERTS_TOPIC_ARN")


@dataclass(frozen=True)
class Config:
    """What the Lambda's environment says."""

    project: Path
    exports: str
    registry: str
    state_machine_arn: str
    alerts_topic_arn: str

    @classmethod
    def from_env(cls, environment: Mapping[str, str]) -> "Config":
        """Read the settings, or raise ConfigurationError that names every missing one."""
        check_present(environment, NEEDED)
        project, *others = (environment[name] for name in NEEDED)
        return cls(Path(project), *others)


def open_ports(project: Path, exports: str, registry: str) -> Ports:
    """Bind registering and locking to a project, the place of its exports, and a registry."""
    return Ports(read_exports(project), open_store(exports), open_registry(registry))


def open_lambda_ports(config: Config) -> Ports:
    """Bind registering and locking to all that the Lambda's environment names."""
    return open_ports(config.project, config.exports, config.registry)


def open_arrival_ports(config: Config) -> ArrivalPorts:
    """Bind the arrival of objects to all that the Lambda's environment names."""
    machine, topic = StateMachine(config.state_machine_arn), Topic(config.alerts_topic_arn)
    return ArrivalPorts(read_exports(config.project), open_store(config.exports), machine, topic)
