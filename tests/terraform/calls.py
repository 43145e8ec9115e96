"""Who called what: each request that reaches the emulated AWS, as the right that IAM would ask for."""

import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote

from local.aws import Application
from tests.terraform.operations import action_of

ACCOUNT = "123456789012"
REGION = "eu-west-2"
WORKGROUPS = {"totesys-test-query": "totesys-test-delivery", "totesys-test-delta": "totesys-test-exports"}
STATE_MACHINE_KEY = "Credential=ak/"  # by which the emulator's own interpreter of state machines signs
TERRAFORM = "terraform"
CALLER = re.compile(r"app/([\w.-]+)")
SERVICE = re.compile(r"Credential=[^/]+/[^/]+/[^/]+/([^/]+)/")
INVOCATION = re.compile(r"/functions/([^/]+)/invocations$")


@dataclass(frozen=True, order=True)
class Right:
    """One action on one resource, as a policy names them."""

    action: str
    resource: str


@dataclass
class CallRecorder:
    """Remembers the rights that each caller's calls ask for; wrap it around the application that answers."""

    rights: dict[str, set[Right]] = field(default_factory=dict)
    actions: set[str] = field(default_factory=set)  # those of Terraform, which deploys

    def __call__(self, application: Application) -> Application:
        """Return an application that answers as before, and is overheard."""

        def overheard(request: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            caller, body, answer = caller_of(request), b"", []
            if caller and service_of(request) != "s3":  # the bodies of objects are large and say nothing
                body = request["wsgi.input"].read(int(request.get("CONTENT_LENGTH") or 0))
                request["wsgi.input"] = io.BytesIO(body)

            def start(status: str, *rest: Any) -> Any:
                answer.append(int(status.split(maxsplit=1)[0]))
                return start_response(status, *rest)

            blocks = application(request, start)
            self.note(request, body, answer[0])
            return blocks

        return overheard

    def note(self, request: Mapping[str, Any], body: bytes, status: int) -> None:
        """Remember a call, if it says who makes it."""
        caller = caller_of(request)
        if caller == TERRAFORM:
            self.actions.add(action_of(service_of(request), request, body))
        elif caller:
            self.rights.setdefault(caller, set()).update(rights_of(request, body, status))


def caller_of(request: Mapping[str, Any]) -> str | None:
    """Return the function's name, `state_machine` or `terraform`; None when a person calls, or the bootstrap."""
    if STATE_MACHINE_KEY in request.get("HTTP_AUTHORIZATION", ""):
        return "state_machine"
    found = CALLER.search(request.get("HTTP_USER_AGENT", ""))
    return found[1] if found else None


def service_of(request: Mapping[str, Any]) -> str:
    """Return the service that the request was signed for."""
    found = SERVICE.search(request.get("HTTP_AUTHORIZATION", ""))
    return found[1] if found else ""


def rights_of(request: Mapping[str, Any], body: bytes, status: int) -> set[Right]:
    """Return what IAM would have to allow for this request to be answered as it was."""
    return set(READERS[service_of(request)](request, body, status))


def _s3(request: Mapping[str, Any], _body: bytes, status: int) -> Iterator[Right]:
    bucket, _, key = unquote(request["PATH_INFO"]).lstrip("/").partition("/")
    method, asked = request["REQUEST_METHOD"], parse_qs(request["QUERY_STRING"], keep_blank_values=True)
    if not key or (method in {"GET", "HEAD"} and status == 404):  # without it the answer would be 403
        yield Right("s3:ListBucket", f"arn:aws:s3:::{bucket}")
    if key:
        removal = "s3:AbortMultipartUpload" if "uploadId" in asked else "s3:DeleteObject"
        read = "s3:GetObjectVersion" if "versionId" in asked else "s3:GetObject"
        action = {"GET": read, "HEAD": read, "DELETE": removal}.get(method, "s3:PutObject")
        yield Right(action, f"arn:aws:s3:::{bucket}/{key}")


def _secrets(request: Mapping[str, Any], body: bytes, _status: int) -> Iterator[Right]:
    action = request["HTTP_X_AMZ_TARGET"].rpartition(".")[2]
    name = json.loads(body)["SecretId"]
    yield Right(f"secretsmanager:{action}", f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}")


def _glue(request: Mapping[str, Any], body: bytes, _status: int) -> Iterator[Right]:
    action, asked = f"glue:{request['HTTP_X_AMZ_TARGET'].rpartition('.')[2]}", json.loads(body)
    table = asked.get("Name") or asked.get("TableInput", {}).get("Name") or asked.get("TableName")
    for resource in ("catalog", f"database/{asked['DatabaseName']}", f"table/{asked['DatabaseName']}/{table}"):
        yield Right(action, f"arn:aws:glue:{REGION}:{ACCOUNT}:{resource}")


def _lambda(request: Mapping[str, Any], _body: bytes, _status: int) -> Iterator[Right]:
    found = INVOCATION.search(request["PATH_INFO"])
    assert found, request["PATH_INFO"]
    yield Right("lambda:InvokeFunction", unquote(found[1]))


def _sns(_request: Mapping[str, Any], body: bytes, _status: int) -> Iterator[Right]:
    asked = parse_qs(body.decode())
    yield Right(f"sns:{asked['Action'][0]}", asked["TopicArn"][0])


def _sqs(request: Mapping[str, Any], body: bytes, _status: int) -> Iterator[Right]:
    action = request["HTTP_X_AMZ_TARGET"].rpartition(".")[2]
    # Only the beginning of a body is kept, and messages are large.
    found = re.search(rb'"QueueUrl": ?"[^"]*/([^"/]+)"', body)
    queue = found[1].decode() if found else "?"
    yield Right(f"sqs:{action.removesuffix('Batch')}", f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}")


def _dynamodb(request: Mapping[str, Any], body: bytes, _status: int) -> Iterator[Right]:
    action, asked = request["HTTP_X_AMZ_TARGET"].rpartition(".")[2], json.loads(body)
    for table in asked.get("RequestItems", ()):
        yield Right(f"dynamodb:{action}", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}")
    if "RequestItems" in asked:
        return
    for item in asked.get("TransactItems", [{action.removesuffix("Item"): asked}]):
        for verb, of in item.items():  # a transaction is allowed by what is in it
            yield Right(f"dynamodb:{verb}Item", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{of['TableName']}")


def _kinesis(request: Mapping[str, Any], body: bytes, _status: int) -> Iterator[Right]:
    action = request["HTTP_X_AMZ_TARGET"].rpartition(".")[2]
    # The records come first, and only the beginning of a body is kept.
    name = re.search(rb'"StreamName": ?"([^"]+)"', body)
    yield Right(f"kinesis:{action}", f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{name[1].decode() if name else '?'}")


def _athena(request: Mapping[str, Any], body: bytes, _status: int) -> Iterator[Right]:
    action, asked = request["HTTP_X_AMZ_TARGET"].rpartition(".")[2], json.loads(body)
    # A query is named by its id; whose it is, AWS remembers.
    group = asked.get("WorkGroup") or WORKGROUPS[str(caller_of(request))]
    yield Right(f"athena:{action}", f"arn:aws:athena:{REGION}:{ACCOUNT}:workgroup/{group}")


def _states(request: Mapping[str, Any], body: bytes, _status: int) -> Iterator[Right]:
    action, asked = request["HTTP_X_AMZ_TARGET"].rpartition(".")[2], json.loads(body)
    yield Right(f"states:{action}", asked.get("stateMachineArn") or asked["executionArn"])


READERS = {
    "athena": _athena,
    "dynamodb": _dynamodb,
    "glue": _glue,
    "kinesis": _kinesis,
    "lambda": _lambda,
    "s3": _s3,
    "secretsmanager": _secrets,
    "sns": _sns,
    "sqs": _sqs,
    "states": _states,
}
