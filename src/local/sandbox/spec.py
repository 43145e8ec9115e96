"""What the Lambda API knows of a function, and the environment its processes get for it."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local.sandbox.runtime_packages import runtime_packages

REGION = "eu-west-2"
ACCOUNT = "123456789012"  # the emulator's own


@dataclass(frozen=True)
class FunctionSpec:
    """A function as it was created: what to run, and within which limits."""

    name: str
    handler: str
    code: Path  # an unzipped deployment zip
    environment: Mapping[str, str]
    memory_mb: int = 128
    timeout: float = 3.0  # seconds
    layers: tuple[Path, ...] = ()  # unzipped layers, whose packages are below python/

    @property
    def arn(self) -> str:
        """Return the name by which other services know the function."""
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.name}"

    def import_path(self) -> list[Path]:
        """Return where imports are looked for, in Lambda's order: the function, its layers, the runtime."""
        return [self.code, *(layer / "python" for layer in self.layers), runtime_packages()]

    def process_environment(self) -> dict[str, str]:
        """Return everything a process of this function sees, nothing of which comes from our own environment."""
        return {**self._fixed_environment(), **self.environment}

    def _fixed_environment(self) -> dict[str, str]:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        return {
            "PATH": os.defpath,
            "LANG": "C.UTF-8",
            "TZ": ":UTC",
            "PYTHONPATH": os.pathsep.join(map(str, self.import_path())),
            "LAMBDA_TASK_ROOT": str(self.code),
            "_HANDLER": self.handler,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{version}",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_SESSION_TOKEN": "testing",
            "AWS_SDK_UA_APP_ID": self.name,  # every call says so who makes it: here all have the same credentials
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_LAMBDA_FUNCTION_NAME": self.name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.memory_mb),
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{self.name}",
        }
