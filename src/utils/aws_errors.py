"""Errors of AWS and of the way to it, in our words."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    PartialCredentialsError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)

from utils.errors import ConfigurationError, PipelineError

TRANSIENT = {
    "500",
    "503",
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "InternalServerException",
    "OperationAborted",
    "RequestThrottled",
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}
DENIED = {
    "403",
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "ExpiredToken",
    "ExpiredTokenException",
    "Forbidden",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "KMSAccessDeniedException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
WITHOUT_LOGIN = (NoCredentialsError, PartialCredentialsError, TokenRetrievalError, UnauthorizedSSOTokenError)


@dataclass(frozen=True)
class Fault:
    """What a service answered instead of a result."""

    code: str
    message: str
    status: int  # of HTTP; 0 where none is told

    @property
    def is_denied(self) -> bool:
        """Whether the service knows us and says no, or does not know us."""
        return self.code in DENIED

    @property
    def is_transient(self) -> bool:
        """Whether the same call may succeed later."""
        return self.code in TRANSIENT or self.status >= 500 or self.status == 429


@contextlib.contextmanager
def named_errors(
    what: str, unreachable: type[PipelineError], name: Callable[[Fault], Exception], **fields: object
) -> Iterator[None]:
    """Raise AWS's errors as ours: `name` knows what a service's fault means, `unreachable` is for no answer."""
    try:
        yield
    except ClientError as error:
        raise name(_fault(error)) from error
    except WITHOUT_LOGIN as error:
        raise ConfigurationError(f"{what} cannot be reached: {error}. Log in to AWS, or set AWS_PROFILE.") from error
    except BotoCoreError as error:
        raise unreachable(f"{what} cannot be reached: {error}", **fields) from error


def _fault(error: ClientError) -> Fault:
    told = error.response.get("Error", {})
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return Fault(told.get("Code", ""), told.get("Message", ""), status)
