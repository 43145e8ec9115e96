"""Run one built function on this machine, with an event, as Lambda would."""

import contextlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.aws import EmulatedAws, emulated_aws
from local.packaging.build_target import here
from local.packaging.functions import HANDLERS
from local.packaging.packages import Build, Package, build_packages, project_in_package
from local.sandbox import Function, FunctionSpec, OnLog, Result, ignore_logs, unzip
from utils.errors import ConfigurationError
from utils.open_store import below
from utils.postgres.url import DatabaseUrl

SECRETS: Mapping[str, str] = {"SOURCE_SECRET": "starlift/source", "WAREHOUSE_SECRET": "starlift/warehouse"}
EVENT_KEYS = {"run_id", "started_at", "request"}


@dataclass(frozen=True)
class Surroundings:
    """What a function finds around it: its project, two databases, a folder for batches, and its limits."""

    project: Path
    source: DatabaseUrl
    warehouse: DatabaseUrl
    store: str
    memory_mb: int = 1769
    timeout: float = 900.0  # seconds


def invoke(stage: str, event: Mapping[str, Any], around: Surroundings, on_log: OnLog = ignore_logs) -> Result:
    """Build the stage's function if need be, hand it the event, and return what became of it."""
    if "://" in around.store:
        raise ConfigurationError(f"{around.store}: this runs over a folder. `make invoke` runs what is deployed.")
    with tempfile.TemporaryDirectory(prefix="starlift-functions-") as functions, _emulated_secrets(around) as secrets:
        build = Build(here(), around.project, say=lambda line: on_log(stage, line), functions=Path(functions))
        package = build_packages(build, [stage])[stage]
        function = make_function(package, {**secrets, **_settings(around)}, around.memory_mb, around.timeout, on_log)
        try:
            return function.invoke(event)
        finally:
            function.close()


def make_function(
    package: Package, environment: Mapping[str, str], memory_mb: int, timeout: float, on_log: OnLog = ignore_logs
) -> Function:
    """Return a function in the sandbox, from its zip and its layer."""
    spec = FunctionSpec(
        name=f"starlift-{package.stage}",
        handler=HANDLERS[package.stage],
        code=unzip(package.function.read_bytes()),
        layers=(unzip(package.layer.read_bytes()),),
        environment=environment,
        memory_mb=memory_mb,
        timeout=timeout,
    )
    return Function(spec, on_log)


def read_event(path: Path) -> dict[str, Any]:
    """Read a sample event: what the state machine hands to each function."""
    try:
        event = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} is no event: {error}. Samples are in events/.") from error
    missing = sorted(EVENT_KEYS - set(event)) if isinstance(event, dict) else sorted(EVENT_KEYS)
    if missing:
        raise ConfigurationError(f"{path} lacks {', '.join(missing)}; events/run.json shows what an event holds.")
    return dict(event)


def _settings(around: Surroundings) -> dict[str, str]:
    store = str(Path(around.store).expanduser().absolute())  # the function has a working folder of its own
    return {
        "PROJECT": project_in_package(around.project),
        "LANDING": below(store, "landing"),
        "PROCESSED": below(store, "processed"),
        **SECRETS,
    }


@contextlib.contextmanager
def _emulated_secrets(around: Surroundings) -> Iterator[dict[str, str]]:
    """Offer the two logins where the function looks for them, as long as the block lasts."""
    with emulated_aws() as aws:
        _put(aws, SECRETS["SOURCE_SECRET"], around.source)
        _put(aws, SECRETS["WAREHOUSE_SECRET"], around.warehouse)
        yield {"AWS_ENDPOINT_URL_SECRETS_MANAGER": aws.endpoint}


def _put(aws: EmulatedAws, name: str, url: DatabaseUrl) -> None:
    secret = {
        "host": url.host,
        "port": url.port,
        "username": url.user,
        "password": url.password or "none",  # a server that trusts this machine asks for none
        "dbname": url.database,
        "sslmode": url.sslmode,
        "sslrootcert": url.sslrootcert,
    }
    aws.client("secretsmanager").create_secret(Name=name, SecretString=json.dumps(secret))
