"""The second emulated AWS, whose functions run in our sandbox: for what redelivers, streams, routes or asks Athena."""

import contextlib
import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from local.aws import emulated_client
from local.packaging.packages import ROOT
from local.sandbox import Functions, FunctionSpec, OnLog, ignore_logs, unzip
from local.sandbox.spec import ACCOUNT, REGION
from local.serving import serving

PYTHON = ROOT / ".venv-emulator/bin/python"
PROGRAM = Path(__file__).with_name("emulator_program.py")
LIFE = 1800  # seconds after which it ends, whatever became of its starter
STARTS_WITHIN = 60.0  # seconds
ATTEMPTS = 3  # another program may take the free port before it does


@dataclass(frozen=True)
class Emulator:
    """An endpoint that answers as AWS does, and where it notes its calls."""

    endpoint: str
    folder: Path

    def client(self, service: str, /) -> Any:
        """Return a boto3 client of one service."""
        return emulated_client(self.endpoint, service)

    def calls(self) -> Iterator[Mapping[str, Any]]:
        """Yield the calls of those who said who they are: request, body in base64, and the answer's status."""
        path = self.folder / "calls.jsonl"
        yield from map(json.loads, path.read_text().splitlines() if path.exists() else [])


@dataclass
class Sandbox:
    """Runs the emulator's functions here, from the zips that were uploaded to it."""

    functions: Functions
    lines: dict[str, list[str]] = field(default_factory=dict)  # by function
    endpoint: str = ""  # of the emulator, once it listens

    def invoke(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Run a function as it was created, and return what became of it with what it printed."""
        spec = FunctionSpec(
            name=asked["name"],
            handler=asked["handler"],
            code=unzip(Path(asked["code"]).read_bytes()),
            layers=tuple(unzip(Path(layer).read_bytes()) for layer in asked["layers"]),
            environment={"AWS_ENDPOINT_URL": self.endpoint, **asked["environment"]},
            memory_mb=asked["memory_mb"],
            timeout=asked["timeout"],
        )
        lines = self.lines.setdefault(spec.name, [])
        before = len(lines)
        result = self.functions.invoke(spec, asked["event"])
        # Of two invocations at once each is told the lines of both; nothing here reads them apart.
        return {"payload": result.payload, "error": result.error, "log": lines[before:]}


def why_not() -> str | None:
    """Return why the emulator cannot run here, None when it can."""
    return None if PYTHON.exists() else f"there is no {PYTHON.parents[1].name}; `make test-terraform` makes it"


@contextlib.contextmanager
def emulator(folder: Path, on_log: OnLog = ignore_logs) -> Iterator[Emulator]:
    """Run the emulator for as long as the block lasts, starting empty."""

    def tell(name: str, line: str) -> None:
        sandbox.lines[name].append(line)
        on_log(name, line)

    sandbox = Sandbox(Functions(tell))
    with _served(sandbox) as address:
        process, endpoint = _start(folder, address)
        sandbox.endpoint = endpoint
        try:
            yield Emulator(endpoint, folder)
        finally:
            _stop(process)
            sandbox.functions.close()


@contextlib.contextmanager
def _served(sandbox: Sandbox) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = json.dumps(sandbox.invoke(asked)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_args: object) -> None:
            """Keep requests out of the tests' output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with serving(server):
        yield f"http://127.0.0.1:{server.server_port}/"


def _start(folder: Path, sandbox: str) -> tuple["subprocess.Popen[bytes]", str]:
    for _ in range(ATTEMPTS):
        port = _free_port()
        process = _spawn(folder, sandbox, port)
        endpoint = f"http://127.0.0.1:{port}"
        if _answers(process, endpoint):
            return process, endpoint
        _stop(process)
    raise RuntimeError(f"The emulator did not start. It printed:\n{(folder / 'log').read_text()[-2000:]}")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    assert process.stdin
    process.stdin.close()
    process.kill()
    process.wait()


def _spawn(folder: Path, sandbox: str, port: int) -> "subprocess.Popen[bytes]":
    environment = {
        "PATH": "/usr/bin:/bin",
        "TMPDIR": str(folder),
        "BIND_HOST": "127.0.0.1",  # it would otherwise listen to the whole network
        "MINISTACK_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "MINISTACK_REGION": REGION,
        "LOG_LEVEL": "WARNING",
        "EMULATOR_FOLDER": str(folder),
        "EMULATOR_SANDBOX": sandbox,
        "EMULATOR_SECONDS": str(LIFE),
    }
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            [PYTHON, PROGRAM], env=environment, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True
        )


def _answers(process: "subprocess.Popen[bytes]", endpoint: str) -> bool:
    end = time.monotonic() + STARTS_WITHIN
    while process.poll() is None and time.monotonic() < end:
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            with urllib.request.urlopen(f"{endpoint}/_ministack/ready", timeout=5):
                return True
        time.sleep(0.1)
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
