"""AWS on this machine: moto's services over HTTP, with functions that really run."""

import contextlib
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import boto3
import moto.awslambda.models
from botocore.config import Config
from moto.awslambda.models import lambda_backends
from moto.core.config import default_user_config
from moto.dynamodb.models import DynamoDBBackend
from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from werkzeug.serving import BaseWSGIServer, make_server

from local.sandbox import Functions, FunctionSpec, OnLog, Result, ignore_logs, unzip
from local.sandbox.spec import REGION
from local.serving import serving

CREDENTIALS = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
EXECUTE = {"execute_state_machine": True}  # moto would otherwise call every execution a success at once

Application = Callable[..., Iterable[bytes]]
Watch = Callable[[Application], Application]


def watch_nothing(application: Application) -> Application:
    """Return the application as it is."""
    return application


def emulated_client(endpoint: str, service: str) -> Any:
    """Return a boto3 client of one service of an emulator."""
    # Several dozen clients at once, and no surprise from the developer's own configuration file.
    config = Config(retries={"max_attempts": 3}, s3={"addressing_style": "path"})
    options: dict[str, Any] = {"endpoint_url": endpoint, "region_name": REGION, "config": config, **CREDENTIALS}
    return boto3.client(service, **options)  # type: ignore[call-overload]


class EmulatedAws:
    """An endpoint that answers as AWS does, and the functions created there."""

    def __init__(self, endpoint: str, on_log: OnLog) -> None:
        self.endpoint = endpoint
        self._functions = Functions(on_log)

    def client(self, service: str) -> Any:
        """Return a boto3 client of one service."""
        return emulated_client(self.endpoint, service)

    def invoke(self, function: Any, event: object) -> Result:
        """Run a function that was created through the Lambda API."""
        return self._functions.invoke(self._spec(function), event)

    def close(self) -> None:
        """End every process of every function."""
        self._functions.close()

    def _spec(self, function: Any) -> FunctionSpec:
        return FunctionSpec(
            name=function.function_name,
            handler=function.handler,
            code=unzip(function.code_bytes),
            environment={"AWS_ENDPOINT_URL": self.endpoint, **function.environment_vars},
            memory_mb=function.memory_size,
            timeout=function.timeout,
            layers=tuple(unzip(_layer_bytes(function, layer["Arn"])) for layer in function.layers),
        )


def _layer_bytes(function: Any, arn: str) -> bytes:
    backend = lambda_backends[function.account_id][function.region]
    layer = backend.layers_versions_by_arn(arn)
    return bytes(layer.code_bytes) if layer else b""


@contextlib.contextmanager
def emulated_aws(
    on_log: OnLog = ignore_logs, retry_scale: float = 1.0, watch: Watch = watch_nothing
) -> Iterator[EmulatedAws]:
    """Emulate AWS for as long as the block lasts; one at a time in a process, each starting empty.

    Args:
        on_log: gets every line that a function prints, with the function's name.
        retry_scale: what the waits before a state machine's retries are multiplied by.
        watch: is wrapped around the application that answers, and so sees every call.
    """
    server = _make_server(watch)
    aws = EmulatedAws(f"http://127.0.0.1:{server.server_port}", on_log)
    with _patched_moto(aws, server.server_port, retry_scale):
        try:
            with serving(server):
                yield aws
        finally:
            aws.close()
            moto_api_backend.reset()


def _make_server(watch: Watch) -> BaseWSGIServer:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # or it prints every request
    application = watch(DomainDispatcherApplication(create_backend_app))
    return make_server("127.0.0.1", 0, application, threaded=True, request_handler=_RequestHandler)


class _RequestHandler(MotoRequestHandler):
    disable_nagle_algorithm = True


@contextlib.contextmanager
def _patched_moto(aws: EmulatedAws, port: int, retry_scale: float) -> Iterator[None]:
    def invoke(function: Any, event: object = None) -> tuple[str, bool, str]:
        return _as_moto_wants(aws.invoke(function, json.loads(event) if isinstance(event, str) else event or {}))

    sleepless = SimpleNamespace(sleep=lambda seconds: time.sleep(seconds * retry_scale))
    environment: Mapping[str, str] = {"MOTO_PORT": str(port)}  # where moto's own interpreter finds the functions
    with (
        patch.object(moto.awslambda.models.LambdaFunction, "_invoke_lambda", invoke),
        patch.object(retrier_decl, "time", sleepless),
        patch.dict(default_user_config, {"stepfunctions": EXECUTE}),
        serial_transactions(),
        patch.dict(os.environ, environment),
    ):
        yield


@contextlib.contextmanager
def serial_transactions() -> Iterator[None]:
    """Let moto's DynamoDB do one transaction after the other: it checks, writes and takes back without a lock."""
    original, lock = DynamoDBBackend.transact_write_items, threading.Lock()

    def transact(backend: DynamoDBBackend, items: list[dict[str, Any]]) -> None:
        with lock:
            original(backend, items)

    with patch.object(DynamoDBBackend, "transact_write_items", transact):
        yield


def _as_moto_wants(result: Result) -> tuple[str, bool, str]:
    failed = result.error is not None
    return json.dumps(result.error if failed else result.payload), failed, ""
