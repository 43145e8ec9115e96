"""The file drop's function in Lambda's sandbox, with its memory limit, fed by a server that makes the file's bytes."""

import json
from contextlib import contextmanager
from importlib.metadata import distribution
from pathlib import Path

import boto3
from moto.server import ThreadedMotoServer

from local.sandbox import Function, FunctionSpec
from tests.range_server import ETAG, MakeBytes
from utils.postgres.url import parse_url

PACKAGES = ("pg8000", "scramp", "asn1crypto", "python-dateutil", "six", "python-json-logger", "zstandard")
STAGES = ("load", "transformation", "utils")
SOURCE = Path(__file__).parents[1] / "src"


def csv_bytes(header: bytes, row: bytes) -> MakeBytes:
    """Return what makes a CSV of one header and the same row again and again."""
    many = row * ((1 << 18) // len(row) + 2)

    def make(offset: int, count: int) -> bytes:
        if offset < len(header):
            return header[offset : offset + count]
        begin = (offset - len(header)) % len(row)
        return many[begin : begin + min(count, 1 << 18)]

    return make


def whole_rows(header: bytes, row: bytes, about: int) -> int:
    """Return the size of such a file, so that its last row is whole."""
    return len(header) + (about - len(header)) // len(row) * len(row)


def _link_code(folder: Path) -> tuple[Path, Path]:
    code, layer = folder / "code", folder / "layer"
    (layer / "python").mkdir(parents=True)
    code.mkdir()
    for stage in STAGES:
        (code / stage).symlink_to(SOURCE / stage)
    for package in map(distribution, PACKAGES):
        for top in {file.parts[0] for file in package.files or []} - {"..", "__pycache__"}:
            (layer / "python" / top).symlink_to(Path(str(package.locate_file(top))))
    return code, layer


@contextmanager
def file_drop_function(folder: Path, url: str, s3: str, memory_mb: int = 256, timeout: float = 900):
    """Run the function for as long as the block lasts; `folder` has a project in `project/`."""
    code, layer = _link_code(folder)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint, at = f"http://{host}:{port}", parse_url(url)
    secret = {"host": at.host, "port": at.port, "username": at.user, "password": "x", "dbname": at.database}
    name = f"target-{at.database}"
    client = boto3.client("secretsmanager", endpoint_url=endpoint, region_name="eu-west-2")
    client.create_secret(Name=name, SecretString=json.dumps({**secret, "sslmode": "disable"}))
    environment = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ENDPOINT_URL_S3": s3,
        "PROJECT": str(folder / "project"),
        "TARGET_SECRET": name,
        "QUARANTINE": str(folder / "quarantine"),
        "DLQ_URL": f"{endpoint}/123456789012/dead",
        "MAX_RECEIVES": "3",
    }
    handler = "load.files.handler.lambda_handler"
    spec = FunctionSpec("file_drop", handler, code, environment, memory_mb, timeout, (layer,))
    lines: list[str] = []
    function = Function(spec, lambda _name, line: lines.append(line))
    try:
        yield function, lines
    finally:
        function.close()
        server.stop()


def event(key: str, size: int) -> dict[str, object]:
    """Return what SQS hands on for one object of the range server."""
    entity = {
        "bucket": {"name": "drop"},
        "object": {"key": key, "size": size, "eTag": ETAG.strip('"'), "sequencer": "01"},
    }
    body = json.dumps({"Records": [{"eventName": "ObjectCreated:Put", "s3": entity}]})
    return {"Records": [{"messageId": "m", "body": body, "attributes": {"ApproximateReceiveCount": "1"}}]}
