"""Logins from Secrets Manager."""

import json
from collections.abc import Collection
from typing import Any

import boto3

from utils.aws_errors import Fault, named_errors
from utils.errors import AccessDeniedError, ConfigurationError, ServiceUnavailableError
from utils.postgres.url import DatabaseUrl

NEEDED = ("host", "username", "password", "dbname")  # the names that RDS gives them


def read_secret(name: str, needed: Collection[str], client: Any = None) -> dict[str, Any]:
    """Return a secret in JSON form that has these fields; its values are never repeated in errors."""
    with named_errors(f"The secret {name}", ServiceUnavailableError, lambda fault: _named(fault, name)):
        reply = (client or boto3.client("secretsmanager")).get_secret_value(SecretId=name)
    try:
        secret: dict[str, Any] = json.loads(reply["SecretString"])
        missing = [field for field in needed if not secret.get(field)]
    except (KeyError, ValueError, AttributeError):
        missing = list(needed)
    if missing:
        raise ConfigurationError(f"The secret {name} lacks {', '.join(missing)}; it is JSON with {', '.join(needed)}.")
    return secret


def _named(fault: Fault, name: str) -> Exception:
    told = f"The secret {name} cannot be read: {fault.code}: {fault.message}"
    return (
        ServiceUnavailableError(told)
        if fault.is_transient
        else AccessDeniedError(f"{told} Create it, or allow this role.")
    )


def read_database_secret(name: str, client: Any = None) -> DatabaseUrl:
    """Return the database that a secret in RDS's JSON form describes."""
    secret = read_secret(name, NEEDED, client)
    return DatabaseUrl(
        host=secret["host"],
        port=int(secret.get("port", 5432)),
        database=secret["dbname"],
        user=secret["username"],
        password=secret["password"],
        sslmode=secret.get("sslmode", "verify-full"),
        sslrootcert=secret.get("sslrootcert"),
    )
