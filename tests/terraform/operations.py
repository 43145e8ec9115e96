"""Which IAM action a request to AWS needs, for any service that Terraform talks to."""

import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs

import boto3
from botocore.model import OperationModel

# IAM's names where they are not those of the API.
RENAMED = {
    "s3:HeadBucket": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:ListObjects": "s3:ListBucket",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:CopyObject": "s3:PutObject",  # of the same form as PutObject
    "s3:DeleteObjects": "s3:DeleteObject",
    "s3:CreateMultipartUpload": "s3:PutObject",
    "s3:UploadPart": "s3:PutObject",
    "s3:UploadPartCopy": "s3:PutObject",  # of the same form as UploadPart
    "s3:CompleteMultipartUpload": "s3:PutObject",
    "s3:GetBucketAccelerateConfiguration": "s3:GetAccelerateConfiguration",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "s3:DeleteBucketEncryption": "s3:PutEncryptionConfiguration",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "s3:PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
    "s3:DeleteBucketLifecycle": "s3:PutLifecycleConfiguration",
    "s3:GetBucketNotificationConfiguration": "s3:GetBucketNotification",
    "s3:PutBucketNotificationConfiguration": "s3:PutBucketNotification",
    "s3:GetBucketReplication": "s3:GetReplicationConfiguration",
    "s3:GetObjectLockConfiguration": "s3:GetBucketObjectLockConfiguration",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
    "s3:DeletePublicAccessBlock": "s3:PutBucketPublicAccessBlock",
    "s3:DeleteBucketOwnershipControls": "s3:PutBucketOwnershipControls",
    "lambda:GetFunctionConfiguration": "lambda:GetFunction",
}
PREFIXES = {"monitoring": "cloudwatch"}  # by which IAM knows a service, where requests are signed for another name
CLIENTS = {"lambda": "lambda", "scheduler": "scheduler", "s3": "s3"}  # the services that speak REST
RPC = re.compile(r"/operation/(\w+)$")


def action_of(service: str, request: Mapping[str, Any], body: bytes) -> str:
    """Return the action as a policy names it."""
    action = f"{PREFIXES.get(service, service)}:{_operation(service, request, body)}"
    return RENAMED.get(action, action)


def _operation(service: str, request: Mapping[str, Any], body: bytes) -> str:
    if service == "apigateway":
        return str(request["REQUEST_METHOD"])  # IAM knows no other names there
    if target := request.get("HTTP_X_AMZ_TARGET"):
        return str(target.rpartition(".")[2])
    if found := RPC.search(request["PATH_INFO"]):
        return found[1]
    if service in CLIENTS:
        return _rest_operation(service, request)
    return parse_qs(body.decode())["Action"][0]


def _rest_operation(service: str, request: Mapping[str, Any]) -> str:
    path = request["RAW_URI"].partition("?")[0]  # as it was sent: an ARN's slash is not one of the path's
    query = parse_qs(request["QUERY_STRING"], keep_blank_values=True)
    fitting = [
        (len(flags), len(literal), name)
        for method, pattern, flags, literal, name in _rest_operations(service)
        if method == request["REQUEST_METHOD"] and pattern.fullmatch(path) and flags <= query.keys()
    ]
    return max(fitting)[2]  # the one that says most of what was asked


@functools.cache
def _rest_operations(service: str) -> list[tuple[str, re.Pattern[str], frozenset[str], str, str]]:
    model = boto3.client(CLIENTS[service], region_name="eu-west-2").meta.service_model  # type: ignore[call-overload]
    return list(_described(model.operation_model(name) for name in model.operation_names))


def _described(models: Iterator[OperationModel]) -> Iterator[tuple[str, re.Pattern[str], frozenset[str], str, str]]:
    for model in models:
        path, _, query = model.http["requestUri"].partition("?")
        greedy = re.sub(r"\\{\w+\\\+\\}", ".+", re.escape(path))
        pattern = re.compile(re.sub(r"\\{\w+\\}", "[^/]+", greedy) + "/?")
        flags = frozenset(flag.partition("=")[0] for flag in query.split("&") if flag) | _required(model)
        yield model.http["method"], pattern, flags, re.sub(r"{[^}]*}", "", path), model.name


def _required(model: OperationModel) -> frozenset[str]:
    """Return the names in the query that an operation cannot do without, such as an upload's part."""
    shape = model.input_shape
    members = [shape.members[name] for name in shape.required_members] if shape else []
    asked = [member.serialization for member in members if member.serialization.get("location") == "querystring"]
    return frozenset(str(serialization["name"]) for serialization in asked)
