"""The packages for the interpreter at hand, in the sandbox: what was left out of them is not missed."""

import contextlib
import http.server
import os
import threading

import pytest

from local.invocation import make_function
from local.packaging.build_target import here
from local.packaging.functions import STAGES
from local.packaging.packages import Build, build_packages
from local.sandbox import Function, FunctionSpec, unzip
from local.sandbox.runtime_packages import runtime_packages
from local.serving import serving

PROBES = {
    "extraction": "import boto3, pg8000.native, pythonjsonlogger, utils.errors",
    "load": "import boto3, duckdb, pg8000.native, pythonjsonlogger, utils.errors",
    "exports": "import boto3, pythonjsonlogger, extraction.exports.handler",
    "delta": "import boto3, duckdb, pythonjsonlogger, transformation.delta.handler, transformation.delta.kinesis",
    "changes": "import boto3, pg8000.native, pythonjsonlogger, load.changes.handler",
    "file_drop": "import boto3, pg8000.native, pythonjsonlogger, utils.errors, zstandard",
    "transformation": """
import awswrangler, boto3, duckdb, pandas, pyarrow.parquet, pythonjsonlogger, tempfile, utils.errors
path = tempfile.mktemp(".parquet")
frame = pandas.DataFrame({"units": [1, 2], "currency": ["GBP", None]})
duckdb.from_df(frame).write_parquet(path)
assert pyarrow.parquet.read_table(path).num_rows == 2
assert pandas.read_parquet(path).equals(frame)
""",
}
EVENT = {"run_id": "r1", "started_at": "2026-01-01T00:00:00Z", "request": {}}
ENVIRONMENT = {
    "PROJECT": "projects/totesys",
    "LANDING": "s3://landing",
    "PROCESSED": "s3://processed",
    "SOURCE_SECRET": "source",
    "WAREHOUSE_SECRET": "warehouse",
}
DENIALS = {  # how Secrets Manager and S3 each refuse a role
    "POST": (400, b'{"__type": "AccessDeniedException", "Message": "not this role"}'),
    "GET": (403, b"<Error><Code>AccessDenied</Code><Message>not this role</Message></Error>"),
    "HEAD": (403, b""),
}


@pytest.fixture(scope="module")
def packages():
    return build_packages(Build(here(), say=lambda _line: None))


@pytest.fixture
def start(packages):
    """Return a function that starts a stage against an AWS at an address, ended after the test."""
    with contextlib.ExitStack() as stack:

        def started(stage, endpoint, lines, timeout=60):
            environment = {**ENVIRONMENT, "AWS_ENDPOINT_URL": endpoint, "AWS_MAX_ATTEMPTS": "1"}
            function = make_function(
                packages[stage], environment, 1024, timeout, lambda _name, line: lines.append(line)
            )
            return stack.enter_context(contextlib.closing(function))

        yield started


@contextlib.contextmanager
def answering(answer):
    """Run a web server whose every request is answered by a function."""
    methods = {f"do_{name}": answer for name in DENIALS}
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), type("Handler", (Quiet, http.server.BaseHTTPRequestHandler), methods)
    )
    server.daemon_threads = True
    with serving(server):
        yield f"http://127.0.0.1:{server.server_port}"


class Quiet:
    def log_message(self, *_args):
        pass


def deny(request):
    status, body = DENIALS[request.command]
    request.send_response(status)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


@pytest.mark.parametrize("stage", PROBES)
def test_a_packages_parts_import_where_only_it_and_the_runtime_are(stage, packages, tmp_path):
    code, layer = (unzip(path.read_bytes()) for path in (packages[stage].function, packages[stage].layer))
    (tmp_path / "probe.py").write_text(f"{PROBES[stage]}\ndef lambda_handler(event, context): return 'imported'")
    path = os.pathsep.join(map(str, [code, layer / "python", tmp_path, runtime_packages()]))
    spec = FunctionSpec(stage, "probe.lambda_handler", code, {"PYTHONPATH": path}, memory_mb=1024, timeout=60)

    with contextlib.closing(Function(spec)) as function:
        result = function.invoke({})

    assert result.error is None
    assert result.payload == "imported"


@pytest.mark.parametrize("stage", STAGES)
def test_a_role_that_aws_refuses_is_named_once_and_critical(stage, start):
    lines = []
    with answering(deny) as endpoint:
        error = start(stage, endpoint, lines).invoke(EVENT).error

    assert error["errorType"] == "AccessDeniedError"
    assert len([line for line in lines if '"level": "CRITICAL"' in line and "AccessDeniedError" in line]) == 1


@pytest.mark.parametrize("stage", STAGES)
def test_an_aws_that_never_answers_ends_in_the_timeout_that_the_state_machine_retries(stage, start):
    answered = threading.Event()
    with answering(lambda _request: answered.wait(60)) as endpoint:
        error = start(stage, endpoint, [], timeout=2).invoke(EVENT).error
        answered.set()

    assert error["errorType"] == "Sandbox.Timedout"
